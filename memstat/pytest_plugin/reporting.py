"""Reports what the tests used, also those that workers of pytest-xdist have run."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from memstat.pytest_plugin import baseline, messages
from memstat.pytest_plugin.settings import Settings
from memstat.pytest_plugin.usage import TestUsage
from memstat.text import plural


def register(config: pytest.Config) -> None:
    """Check the options; report unless this is a worker. Raises pytest.UsageError."""
    settings = Settings.of(config)
    if hasattr(config, "workerinput"):
        return
    settings.check_writable()
    # A worker may have another current directory.
    if settings.record_directory is not None:
        config.option.memstat_record = str(settings.record_directory)
    if settings.baseline_path is not None:
        config.option.memstat_baseline = str(settings.baseline_path)
    config.pluginmanager.register(ReportingPlugin(settings), "memstat-reporting")


class ReportingPlugin:
    """The hooks of the process that reports."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._usages: list[TestUsage] = []
        self._growths: dict[str, int] = {}
        self._passed: dict[tuple[object, str], bool] = {}
        self._errors: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # Several workers may run one test, and it may be run again: each time is a row.
        run = (getattr(report, "node", None), report.nodeid)
        if report.when == "call":
            self._passed[run] = report.passed
        elif report.when == "teardown":
            passed = self._passed.pop(run, False)
            value = getattr(report, "memstat", None)
            if value is not None:
                self._take(TestUsage.decode(value), passed=passed)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        texts_of = {
            "--memstat-json": self._figures,
            "--memstat-baseline": self._baseline,
        }
        for option, path in self._settings.outputs().items():
            try:
                path.write_text(texts_of[option](), "utf-8")
            except OSError as error:
                self._errors.append(f"{option}: cannot write to {path}: {error.strerror}")
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        lines = [*self._lines()]
        if lines:
            terminalreporter.write_sep("=", "memstat")
            for line in lines:
                terminalreporter.write_line(line)

    def _lines(self) -> Iterator[str]:
        settings = self._settings
        if settings.top is not None and self._usages:
            yield from messages.table(self._usages, settings.top)
        new = len(self._growths.keys() - settings.baseline.keys())
        if settings.baseline_path is not None and not settings.writes_baseline and new:
            yield f"{plural(new, 'test is', 'tests are')} not in the baseline: --memstat-update"
        yield from self._errors

    def _take(self, usage: TestUsage, *, passed: bool) -> None:
        self._usages.append(usage)
        if passed and usage.growth_pss_bytes is not None:
            # A baseline has one figure for each id.
            growth = max(usage.growth_pss_bytes, self._growths.get(usage.test, 0))
            self._growths[usage.test] = growth

    def _figures(self) -> str:
        usages = sorted(self._usages, key=lambda usage: usage.test)
        return json.dumps({"tests": [usage.encode() for usage in usages]}, indent=2) + "\n"

    def _baseline(self) -> str:
        settings = self._settings
        before = settings.baseline
        if settings.appends:
            return baseline.encode(baseline.append(before, self._growths))
        return baseline.encode(baseline.update(before, self._growths, settings.tolerance))
