"""Measures the tests of this process, and fails those that use too much."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import pytest

from memstat.errors import SidecarError
from memstat.model import ProcessKey, Snapshot
from memstat.pytest_plugin import messages
from memstat.pytest_plugin.limits import MaxPss, Usage, read_marker
from memstat.pytest_plugin.probe import MemoryProbe, SharedSidecar
from memstat.pytest_plugin.selection import is_opted_in
from memstat.pytest_plugin.settings import Settings
from memstat.pytest_plugin.usage import Survivor, TestUsage
from memstat.sampling.liveness import alive


@dataclass(slots=True)
class _TestState:
    """What is known of a test so far."""

    before: frozenset[ProcessKey] | None = None
    """The processes that were alive before its setup."""
    start: Snapshot | None = None
    """The first snapshot of its call."""
    usage: Usage | None = None
    """What it used; ``None`` before the end of its call."""
    failure: str | None = None
    """Why it could not be measured."""


_STATE: Final = pytest.StashKey[_TestState]()


class MeasuringPlugin:
    """The hooks of a process that runs tests.

    A test is measured while it is called. What its fixtures set up, and what an earlier test left
    running, is there at the start and is no growth of this test.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._shared = SharedSidecar()
        self._settings = Settings.of(config)

    def probe(self, item: pytest.Item) -> MemoryProbe:
        """Return the value of the fixture ``memory``. Raises SidecarError."""
        if _STATE not in item.stash:
            # Requested while the test runs, by request.getfixturevalue.
            self._shared.begin()
        return MemoryProbe(self._shared)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        if self._is_measured(item):
            item.stash[_STATE] = state = _TestState()
            # Where it fails, the call tries again, and reports it.
            with suppress(SidecarError):
                state.before = frozenset(p.key for p in alive(self._shared.begin().latest))
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        state = item.stash.get(_STATE, None)
        if state is None:
            return (yield)
        limit = _limit_of(item)
        self._begin(state)
        try:
            result = yield
        except pytest.skip.Exception:
            del item.stash[_STATE]
            raise
        except BaseException:
            # The failure of the test itself matters more.
            self._end(item, state)
            for problem in self._problems(item, state, limit):
                item.add_report_section("call", "memstat", problem)
            raise
        self._end(item, state)
        problems = [*self._problems(item, state, limit)]
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown" and _STATE in item.stash:
            state = item.stash[_STATE]
            # The state has a snapshot, and an item lives as long as the session.
            del item.stash[_STATE]
            if state.usage is not None or state.failure is not None:
                # Plain values: pytest-xdist sends them to another process.
                report.memstat = self._report(item, state).encode()  # type: ignore[attr-defined]
        return report

    def pytest_unconfigure(self) -> None:
        self._shared.close()

    def _is_measured(self, item: pytest.Item) -> bool:
        return self._settings.measures_all or is_opted_in(item)

    def _begin(self, state: _TestState) -> None:
        try:
            state.start = self._shared.begin().latest
        except SidecarError as error:
            state.failure = str(error)

    def _end(self, item: pytest.Item, state: _TestState) -> None:
        if state.start is None:
            return
        sidecar = self._shared.sidecar
        try:
            sidecar.mark("end of the test")
        except SidecarError as error:
            state.failure = str(error)
            return
        start_bytes, peak = state.start.total.pss_bytes, sidecar.peak
        if start_bytes is None or peak is None:
            state.failure = "no process could be read"
            return
        usage = Usage(start_bytes, state.start.elapsed_s, peak, sidecar.stats.samples)
        state.usage = usage
        item.user_properties += [
            ("memstat_growth_pss_bytes", usage.growth_bytes),
            ("memstat_peak_pss_bytes", usage.peak.pss_bytes),
        ]

    def _problems(
        self, item: pytest.Item, state: _TestState, limit: MaxPss | None
    ) -> Iterator[str]:
        before_bytes = self._settings.baseline.get(item.nodeid)
        if self._settings.updates:
            before_bytes = None
        usage = state.usage
        if usage is None:
            # Only a test that needs the figures fails without them; the list names the others.
            if is_opted_in(item) or before_bytes is not None:
                yield f"memstat: the test could not be measured: {state.failure}"
            return
        if limit is not None and limit.exceeded_by(usage) > 0:
            yield messages.over_limit(usage, limit)
        if before_bytes is not None:
            slack_bytes = self._settings.tolerance.slack_bytes(before_bytes)
            if usage.growth_bytes > before_bytes + slack_bytes:
                yield messages.over_baseline(usage, before_bytes, slack_bytes)

    def _report(self, item: pytest.Item, state: _TestState) -> TestUsage:
        usage = state.usage
        if usage is None:
            return TestUsage(item.nodeid, failure=state.failure)
        return TestUsage(
            item.nodeid,
            start_pss_bytes=usage.start_bytes,
            peak_pss_bytes=usage.peak.pss_bytes,
            growth_pss_bytes=usage.growth_bytes,
            peak_after_s=round(usage.peak_after_s, 6),
            samples=usage.samples,
            complete=usage.peak.snapshot.complete,
            left_running=self._left_running(state),
        )

    def _left_running(self, state: _TestState) -> tuple[Survivor, ...]:
        if state.before is None:
            return ()
        sidecar = self._shared.sidecar
        try:
            sidecar.mark("after the teardown")
        except SidecarError:
            return ()
        return tuple(
            Survivor(process.key.pid, process.name, process.memory.pss_bytes)
            for process in alive(sidecar.latest)
            if process.key not in state.before
        )


def _limit_of(item: pytest.Item) -> MaxPss | None:
    marker = item.get_closest_marker("max_pss")
    if marker is None:
        return None
    try:
        return read_marker(marker.args, marker.kwargs)
    except ValueError as error:
        pytest.fail(f"memstat: {error}", pytrace=False)
