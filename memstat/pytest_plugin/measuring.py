"""Measures the tests of this process, and fails those that use too much."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from memstat.errors import MemstatError, SidecarError
from memstat.model import ProcessKey
from memstat.pytest_plugin.limits import MaxPss, Usage, read_marker
from memstat.pytest_plugin.meter import Meter, Start
from memstat.pytest_plugin.probe import MemoryProbe
from memstat.pytest_plugin.problems import problems_of
from memstat.pytest_plugin.selection import is_opted_in
from memstat.pytest_plugin.settings import Settings
from memstat.pytest_plugin.usage import Survivor, TestUsage

if TYPE_CHECKING:  # Most often nothing is recorded.
    from memstat.pytest_plugin.recordings import TestRecordings

_PROPERTY: Final = "memstat_"


@dataclass(slots=True)
class _TestState:
    """What is known of a test so far."""

    is_opted_in: bool
    """Whether it asks to be measured by itself, whatever the options are."""
    before: frozenset[ProcessKey] | None = None
    """The processes that were alive before its setup."""
    start: Start | None = None
    """What was there when it was called."""
    usage: Usage | None = None
    """What it used; ``None`` before the end of its call."""
    failure: str | None = None
    """Why it could not be measured."""

    def attempt(self, work: Callable[[], None]) -> None:
        """Measure, or keep the reason why that failed: a test need not fail for it."""
        try:
            work()
        except MemstatError as error:
            self.failure = str(error)
        except Exception as error:  # noqa: BLE001 - a test may have replaced anything
            self.failure = f"{type(error).__name__}: {error}"


_STATE: Final = pytest.StashKey[_TestState]()


class MeasuringPlugin:
    """The hooks of a process that runs tests.

    A test is measured while it is called. What its fixtures set up, and what an earlier test left
    running, is there at the start and is no growth of this test.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._settings = Settings.of(config)
        self._recordings: TestRecordings | None = None
        if self._settings.record_directory is not None:
            from memstat.pytest_plugin.recordings import TestRecordings  # noqa: PLC0415 - only here

            self._recordings = TestRecordings(self._settings.record_directory)
        self._meter = Meter(self._recordings)
        self._runs_tests = not config.getoption("collectonly", default=False)

    def probe(self, item: pytest.Item) -> MemoryProbe:
        """Return the value of the fixture ``memory``. Raises SidecarError."""
        if _STATE not in item.stash:
            # Requested while the test runs, by request.getfixturevalue.
            self._meter.shared.begin(is_sampled=True, is_asked=True)
        return MemoryProbe(self._meter.shared)

    def pytest_collectstart(self) -> None:
        # The sidecar starts while the tests are collected: where others collect, no test is run.
        if self._runs_tests:
            self._meter.shared.launch()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        opted_in = is_opted_in(item)
        if opted_in or self._settings.measures_all:
            item.stash[_STATE] = state = _TestState(opted_in)
            # Before any fixture may replace what a start needs.
            try:
                state.before = self._meter.alive()
            except SidecarError:
                self._meter.shared.close()  # The call tries again, and reports it.
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        state = item.stash.get(_STATE, None)
        if state is None:
            return (yield)
        limit = _limit_of(item) if state.is_opted_in else None
        state.attempt(lambda: self._start(item, state))
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
        self._meter.close()
        if self._recordings is not None:
            self._recordings.close()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._recordings is not None and self._recordings.failure is not None:
            terminalreporter.write_line(f"memstat: {self._recordings.failure}", red=True)

    def _start(self, item: pytest.Item, state: _TestState) -> None:
        if self._recordings is not None:
            self._recordings.prepare()
        state.start = self._meter.begin(
            is_asked=self._is_asked(state),
            # The fixture was made before.
            keeps_snapshots=state.is_opted_in and "memory" in getattr(item, "fixturenames", ()),
        )
        if self._recordings is not None:
            with self._meter.shared.connection.reading() as record:
                self._recordings.begin(item.nodeid, record.tally)

    def _is_asked(self, state: _TestState) -> bool:
        """Whether a test begins and ends with a sample: what is recorded does."""
        return state.is_opted_in or self._recordings is not None

    def _end(self, item: pytest.Item, state: _TestState) -> None:
        start = state.start
        if start is not None:
            state.attempt(lambda: self._finish(item, state, start))

    def _finish(self, item: pytest.Item, state: _TestState, start: Start) -> None:
        state.usage = usage = self._meter.end(start, is_asked=self._is_asked(state))
        if self._recordings is not None:
            with self._meter.shared.connection.reading() as record:
                self._recordings.end(record.tally)
        _set_properties(item, usage)

    def _problems(
        self, item: pytest.Item, state: _TestState, limit: MaxPss | None
    ) -> Iterator[str]:
        before = self._settings.growths_before(item.nodeid)
        if state.usage is not None:
            yield from problems_of(state.usage, limit, before, self._settings.tolerance)
        elif state.is_opted_in or before is not None:
            # Only a test that needs the figures fails without them; the list names the others.
            yield f"memstat: the test could not be measured: {state.failure}"

    def _report(self, item: pytest.Item, state: _TestState) -> TestUsage:
        usage = state.usage
        if usage is None:
            return TestUsage(item.nodeid, failure=state.failure)
        left_running: tuple[Survivor, ...] = ()
        if state.before is not None:
            left_running = self._meter.left_running(state.before, is_asked=state.is_opted_in)
        after_s = usage.peak_after_s
        return TestUsage(
            item.nodeid,
            start_pss_bytes=usage.start_bytes,
            peak_pss_bytes=usage.peak_bytes,
            growth_pss_bytes=usage.growth_bytes,
            decided_by=str(usage.decided_by),
            peak_after_s=None if after_s is None else round(after_s, 6),
            samples=usage.samples,
            complete=usage.complete,
            left_running=left_running,
        )


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
