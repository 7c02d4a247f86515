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
from memstat.pytest_plugin.probe import MemoryProbe, Station
from memstat.pytest_plugin.selection import is_opted_in
from memstat.pytest_plugin.settings import Settings
from memstat.pytest_plugin.usage import Row, Survivor
from memstat.sampling.liveness import alive


@dataclass(slots=True)
class _Measured:
    """What is known of a test so far."""

    before: frozenset[ProcessKey] | None = None
    """Who was alive before its setup."""
    start: Snapshot | None = None
    """The first snapshot of its call."""
    usage: Usage | None = None
    failure: str | None = None
    """Why it could not be measured."""


_MEASURED: Final = pytest.StashKey[_Measured]()


class MeasuringPlugin:
    """The hooks of a process that runs tests.

    A test is measured while it is called: what its fixtures set up is there at the start, and what
    a test before it left running as well.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.station = Station()
        self._settings = Settings.of(config)

    def probe(self, item: pytest.Item) -> MemoryProbe:
        """Return what a test sees. Raises SidecarError."""
        if _MEASURED not in item.stash:
            # Asked for while it runs, by request.getfixturevalue.
            self.station.begin()
        return MemoryProbe(self.station)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        if self._is_measured(item):
            item.stash[_MEASURED] = measured = _Measured()
            # Where it fails, the call tries again, and fails the test.
            with suppress(SidecarError):
                measured.before = frozenset(p.key for p in alive(self.station.begin().latest))
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        measured = item.stash.get(_MEASURED, None)
        if measured is None:
            return (yield)
        limit = _limit_of(item)
        self._begin(measured)
        try:
            result = yield
        except pytest.skip.Exception:
            del item.stash[_MEASURED]
            raise
        except BaseException:
            # Its own failure matters more.
            self._end(item, measured)
            for problem in self._problems(item, measured, limit):
                item.add_report_section("call", "memstat", problem)
            raise
        self._end(item, measured)
        problems = [*self._problems(item, measured, limit)]
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "teardown" and _MEASURED in item.stash:
            measured = item.stash[_MEASURED]
            # It has a snapshot, and items live as long as the session.
            del item.stash[_MEASURED]
            if measured.usage is not None or measured.failure is not None:
                # Plain values: under pytest-xdist they travel to another process.
                report.memstat = self._row(item, measured).encode()  # type: ignore[attr-defined]
        return report

    def pytest_unconfigure(self) -> None:
        self.station.close()

    def _is_measured(self, item: pytest.Item) -> bool:
        return self._settings.measures_all or is_opted_in(item)

    def _begin(self, measured: _Measured) -> None:
        try:
            measured.start = self.station.begin().latest
        except SidecarError as error:
            measured.failure = str(error)

    def _end(self, item: pytest.Item, measured: _Measured) -> None:
        if measured.start is None:
            return
        sidecar = self.station.sidecar
        try:
            sidecar.mark("end of the test")
        except SidecarError as error:
            measured.failure = str(error)
            return
        start_bytes, peak = measured.start.total.pss_bytes, sidecar.peak
        if start_bytes is None or peak is None:
            measured.failure = "no process could be read"
            return
        usage = Usage(start_bytes, measured.start.elapsed_s, peak, sidecar.stats.samples)
        measured.usage = usage
        item.user_properties += [
            ("memstat_growth_pss_bytes", usage.growth_bytes),
            ("memstat_peak_pss_bytes", usage.peak.pss_bytes),
        ]

    def _problems(
        self, item: pytest.Item, measured: _Measured, limit: MaxPss | None
    ) -> Iterator[str]:
        before_bytes = self._settings.baseline.get(item.nodeid)
        if self._settings.updates:
            before_bytes = None
        usage = measured.usage
        if usage is None:
            # Who only listens in need not fail for it: the list says so.
            if is_opted_in(item) or before_bytes is not None:
                yield f"memstat: the test could not be measured: {measured.failure}"
            return
        if limit is not None and limit.exceeded_by(usage) > 0:
            yield messages.over_limit(usage, limit)
        if before_bytes is not None:
            slack_bytes = self._settings.tolerance.slack_bytes(before_bytes)
            if usage.growth_bytes > before_bytes + slack_bytes:
                yield messages.over_baseline(usage, before_bytes, slack_bytes)

    def _row(self, item: pytest.Item, measured: _Measured) -> Row:
        usage = measured.usage
        if usage is None:
            return Row(item.nodeid, failure=measured.failure)
        return Row(
            item.nodeid,
            start_pss_bytes=usage.start_bytes,
            peak_pss_bytes=usage.peak.pss_bytes,
            growth_pss_bytes=usage.growth_bytes,
            peak_after_s=round(usage.peak_after_s, 6),
            samples=usage.samples,
            complete=usage.peak.snapshot.complete,
            left_running=self._left_running(measured),
        )

    def _left_running(self, measured: _Measured) -> tuple[Survivor, ...]:
        if measured.before is None:
            return ()
        sidecar = self.station.sidecar
        try:
            sidecar.mark("after the teardown")
        except SidecarError:
            return ()
        return tuple(
            Survivor(process.key.pid, process.name, process.memory.pss_bytes)
            for process in alive(sidecar.latest)
            if process.key not in measured.before
        )


def _limit_of(item: pytest.Item) -> MaxPss | None:
    marker = item.get_closest_marker("max_pss")
    if marker is None:
        return None
    try:
        return read_marker(marker.args, marker.kwargs)
    except ValueError as error:
        pytest.fail(f"memstat: {error}", pytrace=False)
