"""The options of the command line, checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from memstat.pytest_plugin import baseline
from memstat.pytest_plugin.baseline import Baseline
from memstat.pytest_plugin.limits import Tolerance, parse_tolerance

_TOP: Final = 10


class Settings(NamedTuple):
    """The options of the plugin. Without any, nothing is measured or written."""

    top: int | None
    """How many tests to list; ``None`` for no list."""
    json_path: Path | None
    """Where to write the figures."""
    baseline_path: Path | None
    """Where the baseline is."""
    baseline: Baseline
    """The growths of each test in earlier runs; empty without a baseline."""
    tolerance: Tolerance
    """How much more than before is allowed."""
    updates: bool
    """Whether the baseline is written rather than compared with."""
    appends: bool
    """Whether the run is compared with it, and then appended."""
    record_directory: Path | None = None
    """Where each test has its recording; ``None``: nowhere."""

    @property
    def measures_all(self) -> bool:
        """Whether every test is measured, not only those with a marker or the fixture."""
        asked = (self.top, self.json_path, self.baseline_path, self.record_directory)
        return any(option is not None for option in asked)

    def growths_before(self, test: str) -> tuple[int, ...] | None:
        """Return the growths to compare with; ``None`` for a new test, and where it is updated."""
        growths = None if self.updates else self.baseline.get(test)
        return None if growths is None else baseline.runs_of(growths)

    @property
    def writes_baseline(self) -> bool:
        """Whether the baseline changes."""
        return self.updates or self.appends

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """Return the settings of a run. Raises pytest.UsageError for options that are not valid."""
        top, updates = config.getoption("memstat_top"), bool(config.getoption("memstat_update"))
        appends = bool(config.getoption("memstat_append"))
        if top is not None and top < 1:
            raise pytest.UsageError(f"--memstat-top: must be 1 or more, not {top}")
        if top is None and config.getoption("memstat"):
            top = _TOP
        baseline_path = _path(config, "memstat_baseline")
        if updates and appends:
            raise pytest.UsageError("--memstat-update and --memstat-append: give only one")
        if (updates or appends) and baseline_path is None:
            option = "--memstat-update" if updates else "--memstat-append"
            raise pytest.UsageError(f"{option} needs a file: add --memstat-baseline FILE")
        return cls(
            top=top,
            json_path=_path(config, "memstat_json"),
            baseline_path=baseline_path,
            baseline=_read(baseline_path, may_be_new=updates or appends) if baseline_path else {},
            tolerance=_tolerance(config.getoption("memstat_tolerance")),
            updates=updates,
            record_directory=_path(config, "memstat_record"),
            appends=appends,
        )

    def check_writable(self) -> None:
        """Raise pytest.UsageError for a file that cannot be written, before any test runs."""
        if self.record_directory is not None:
            _make_directory(self.record_directory)
        for option, path in self.outputs().items():
            try:
                existed = path.exists()
                with path.open("a"):
                    pass
                if not existed:
                    path.unlink()
            except OSError as error:
                raise pytest.UsageError(
                    f"{option}: cannot write to {path}: {error.strerror}"
                ) from None

    def outputs(self) -> Mapping[str, Path]:
        """Return the files to write, by their options."""
        found = {}
        if self.json_path is not None:
            found["--memstat-json"] = self.json_path
        if self.baseline_path is not None and self.writes_baseline:
            found["--memstat-baseline"] = self.baseline_path
        return found


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(path, os.W_OK | os.X_OK)
    except OSError as error:
        raise pytest.UsageError(
            f"--memstat-record: cannot make the directory {path}: {error.strerror}"
        ) from None
    if not is_writable:
        raise pytest.UsageError(f"--memstat-record: cannot write to {path}: Permission denied")


def _path(config: pytest.Config, option: str) -> Path | None:
    value = config.getoption(option)
    return None if value is None else config.invocation_params.dir / value


def _read(path: Path, *, may_be_new: bool) -> Baseline:
    try:
        return baseline.decode(path.read_text("utf-8"))
    except FileNotFoundError:
        if may_be_new:
            return {}
        hint = "record it with --memstat-update"
        raise pytest.UsageError(f"--memstat-baseline: no file {path}; {hint}") from None
    except (OSError, ValueError) as error:
        raise pytest.UsageError(f"--memstat-baseline: cannot read {path}: {error}") from None


def _tolerance(text: str) -> Tolerance:
    try:
        return parse_tolerance(text)
    except ValueError:
        raise pytest.UsageError(
            f"--memstat-tolerance: {text!r} is neither a percentage, as in 10%, nor a size,"
            " as in 5 MiB"
        ) from None
