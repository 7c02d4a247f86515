"""Measures the tests of this process, and fails those that use too much."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from memstat.errors import MemstatError, SidecarError
from memstat.model import ProcessKey, ProcessSample
from memstat.proc import own
from memstat.proc.system import system
from memstat.pytest_plugin import messages
from memstat.pytest_plugin.limits import MaxPss, Usage, read_marker
from memstat.pytest_plugin.marks import INACCURACY_BYTES, Boundary, Marks, marks_of
from memstat.pytest_plugin.probe import MemoryProbe, SharedSidecar
from memstat.pytest_plugin.selection import is_opted_in
from memstat.pytest_plugin.settings import Settings
from memstat.pytest_plugin.usage import Survivor, TestUsage
from memstat.sampling.liveness import alive

_WORTH_A_SAMPLE_BYTES: Final = 1 << 20
"""Only a sample shows how much of the file pages that a test mapped is shared."""
_WORTH_READING_S: Final = 0.005
"""A shorter test without children is not sampled: it would be by luck."""
_PROPERTY: Final = "memstat_"


@dataclass(slots=True)
class _Start:
    """What is there when a test is called."""

    at_s: float
    """When, in seconds after the sidecar's start."""
    pss_bytes: int
    """Total PSS."""
    own_pss_bytes: int
    """The part of it that this process has."""
    others: tuple[ProcessSample, ...]
    """The other processes."""
    boundary: Boundary | None
    """What this process read of itself; ``None`` when it could not."""


@dataclass(slots=True)
class _TestState:
    """What is known of a test so far."""

    is_opted_in: bool
    """Whether it asks to be measured by itself, whatever the options are."""
    before: frozenset[ProcessKey] | None = None
    """The processes that were alive before its setup."""
    start: _Start | None = None
    """What was there when it was called."""
    usage: Usage | None = None
    """What it used; ``None`` before the end of its call."""
    failure: str | None = None
    """Why it could not be measured."""

    @contextmanager
    def keeping_failure(self) -> Iterator[None]:
        """Keep the reason why a block could not measure: a test need not fail for it."""
        try:
            yield
        except MemstatError as error:
            self.failure = str(error)
        except Exception as error:  # noqa: BLE001 - a test may have replaced anything
            self.failure = f"{type(error).__name__}: {error}"


_STATE: Final = pytest.StashKey[_TestState]()


class MeasuringPlugin:
    """The hooks of a process that runs tests.

    A test is measured while it is called. What its fixtures set up, and what an earlier test left
    running, is there at the start and is no growth of this test.

    Where a test has no child processes, it is not waited for: the kernel keeps the mark of this
    process, and samples are taken in as they come. A test that has children, or that asks for
    figures by itself, begins and ends with a sample.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._shared = SharedSidecar()
        self._settings = Settings.of(config)
        self._inheritable_bytes = 0

    def probe(self, item: pytest.Item) -> MemoryProbe:
        """Return the value of the fixture ``memory``. Raises SidecarError."""
        if _STATE not in item.stash:
            # Requested while the test runs, by request.getfixturevalue.
            self._shared.begin(is_sampled=True, is_asked=True)
        return MemoryProbe(self._shared)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        opted_in = is_opted_in(item)
        if opted_in or self._settings.measures_all:
            item.stash[_STATE] = state = _TestState(opted_in)
            # Before any fixture may replace what a start needs.
            try:
                state.before = frozenset(p.key for p in alive(self._shared.latest()))
            except SidecarError:
                self._shared.close()  # The call tries again, and reports it.
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        state = item.stash.get(_STATE, None)
        if state is None:
            return (yield)
        limit = _limit_of(item)
        with state.keeping_failure():
            state.start = self._start(item, state)
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

    def _start(self, item: pytest.Item, state: _TestState) -> _Start:
        is_sampled = state.is_opted_in or own.has_children()
        latest = self._shared.begin(is_sampled=is_sampled, is_asked=state.is_opted_in)
        if state.is_opted_in:
            _keep_snapshots_for_fixture(item, self._shared)
        own_pid = system.getpid()
        others = tuple([p for p in latest.processes if p.key.pid != own_pid])
        ours = next((p for p in latest.processes if p.key.pid == own_pid), None)
        total = latest.total.pss_bytes
        if total is None or ours is None or ours.memory.pss_bytes is None:
            raise SidecarError("no process could be read")
        # The last thing before the test: what is done here is no growth of it.
        boundary = self._begin_boundary()
        since_bytes = 0
        if boundary is not None and ours.memory.rss_bytes is not None:
            since_bytes = boundary.own.rss_bytes - ours.memory.rss_bytes
        at_s = self._shared.connection.elapsed_s()
        return _Start(
            at_s,
            max(0, total + since_bytes),
            max(0, ours.memory.pss_bytes + since_bytes),
            others,
            boundary,
        )

    def _begin_boundary(self) -> Boundary | None:
        try:
            self._inheritable_bytes = max(self._inheritable_bytes, own.largest_own_rss_bytes())
            own.reset_own_high_water()
            child_bytes = own.largest_child_rss_bytes()
            memory = own.own_memory()
        except OSError:
            # The kernel does not offer it, or a test has left no descriptor.
            return None
        return Boundary(memory, own.largest_own_rss_bytes(), child_bytes, self._inheritable_bytes)

    def _end_boundary(self, start: Boundary | None) -> Boundary | None:
        if start is None:
            return None
        try:
            # The first thing after the test.
            high_bytes = own.largest_own_rss_bytes()
            self._inheritable_bytes = max(self._inheritable_bytes, high_bytes)
            memory = own.own_memory()
            if high_bytes <= start.high_bytes:
                # Within the noise of the counters, or below what this process has inherited.
                is_noise = start.high_bytes - start.own.rss_bytes <= INACCURACY_BYTES
                high_bytes = memory.rss_bytes if is_noise else own.own_high_water_bytes()
        except OSError:
            return None
        children = own.largest_child_rss_bytes()
        return Boundary(memory, high_bytes, children, self._inheritable_bytes)

    def _end(self, item: pytest.Item, state: _TestState) -> None:
        if state.start is None:
            return
        with state.keeping_failure():
            end = self._end_boundary(state.start.boundary)
            if state.is_opted_in or own.has_children() or _has_mapped_files(state.start, end):
                self._shared.sample()
            usage = self._usage(state.start, end)
            state.usage = usage
            _set_properties(item, usage)

    def _usage(self, start: _Start, end: Boundary | None) -> Usage:
        record = self._shared.connection.known
        lasted_s = self._shared.connection.elapsed_s() - start.at_s
        if lasted_s >= _WORTH_READING_S or end is None:
            record = self._shared.read()
        peak, samples = record.tally.whole_peak, record.tally.stats.samples
        started_bytes = self._shared.started.largest_bytes
        marks: Marks | None = None
        if start.boundary is not None and end is not None:
            marks = marks_of(start.boundary, end, start.others, started_bytes)
        elif peak is None:
            raise SidecarError("no sample was taken, and the kernel's own mark cannot be read")
        return Usage(
            start.pss_bytes,
            start.at_s,
            peak,
            samples,
            marks,
            start.own_pss_bytes,
            system.getpid(),
        )

    def _problems(
        self, item: pytest.Item, state: _TestState, limit: MaxPss | None
    ) -> Iterator[str]:
        before_bytes = self._settings.baseline.get(item.nodeid)
        if self._settings.updates:
            before_bytes = None
        usage = state.usage
        if usage is None:
            # Only a test that needs the figures fails without them; the list names the others.
            if state.is_opted_in or before_bytes is not None:
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
        after_s = usage.peak_after_s
        return TestUsage(
            item.nodeid,
            start_pss_bytes=usage.start_bytes,
            peak_pss_bytes=usage.peak_bytes,
            growth_pss_bytes=usage.growth_bytes,
            decided_by=str(usage.decided_by),
            peak_after_s=None if after_s is None else round(after_s, 6),
            samples=usage.samples,
            complete=usage.peak is None or usage.peak.snapshot.complete,
            left_running=self._left_running(state),
        )

    def _left_running(self, state: _TestState) -> tuple[Survivor, ...]:
        if state.before is None:
            return ()
        try:
            latest = self._shared.latest()
            if state.is_opted_in or own.has_children() or len(latest.processes) > 1:
                latest = self._shared.sample()
        except SidecarError:
            return ()
        return tuple(
            Survivor(process.key.pid, process.name, process.memory.pss_bytes)
            for process in alive(latest)
            if process.key not in state.before
        )


def _keep_snapshots_for_fixture(item: pytest.Item, shared: SharedSidecar) -> None:
    """Keep snapshots if the test has the fixture ``memory``, which was made before."""
    if "memory" in getattr(item, "fixturenames", ()):
        MemoryProbe(shared)


def _has_mapped_files(start: _Start, end: Boundary | None) -> bool:
    if start.boundary is None or end is None:
        return True
    more_bytes = end.own.shared_bytes - start.boundary.own.shared_bytes
    return more_bytes > _WORTH_A_SAMPLE_BYTES


def _set_properties(item: pytest.Item, usage: Usage) -> None:
    """Set the properties of the JUnit report; a test that is run again has them once."""
    item.user_properties[:] = [
        (name, value) for name, value in item.user_properties if not name.startswith(_PROPERTY)
    ]
    item.user_properties += [
        ("memstat_growth_pss_bytes", usage.growth_bytes),
        ("memstat_peak_pss_bytes", usage.peak_bytes),
    ]


def _limit_of(item: pytest.Item) -> MaxPss | None:
    marker = item.get_closest_marker("max_pss")
    if marker is None:
        return None
    try:
        return read_marker(marker.args, marker.kwargs)
    except ValueError as error:
        pytest.fail(f"memstat: {error}", pytrace=False)
