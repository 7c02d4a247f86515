"""``memstat bench`` from the options to the exit status."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import anyio

from memstat import __version__
from memstat.background import beside
from memstat.cli import event_loop
from memstat.cli.bench_options import BenchOptions
from memstat.cli.benchmark import Benchmark, Outcome
from memstat.cli.exit_status import ExitStatus, stopped_by
from memstat.cli.interrupt import restore_default_sigint
from memstat.cli.output import Output, standard_error, standard_output
from memstat.cli.whole_file import open_whole
from memstat.comparing import bench_file
from memstat.comparing.cases import Case, Step
from memstat.comparing.measurements import Measurements
from memstat.proc.descriptors import require_descriptors
from memstat.proc.environment import (
    inherited_descriptors,
    inherited_environment,
    inherited_ignored_signals,
    inherited_pid_variables,
    occupy_closed_streams,
)
from memstat.proc.linux import require_linux
from memstat.proc.streams import is_stdout
from memstat.report import bench_report, bench_tables
from memstat.supervision.forwarding import exit_by_signal
from memstat.supervision.spawn import SpawnContext

if TYPE_CHECKING:
    from memstat.terminal.progress import StepProgress

_REFRESHED_S: Final = 0.5
_DESCRIPTORS: Final = 16
"""Of the event loop, of the start of a command and of what refers to it."""


def bench_and_report(options: BenchOptions) -> int:
    """Make the runs and report; return the exit status, or end by the signal that came.

    Raises SpawnError when a command cannot be started, BenchmarkError when a run failed, and
    OutputError when a file or the report cannot be written.
    """
    ignored = inherited_ignored_signals()
    # Inherited as ignored, it would hide the exit status of a command (wait(2)).
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out, err = standard_output(), standard_error()
    require_linux()
    context = _context(options, ignored)
    require_descriptors(_DESCRIPTORS)
    with ExitStack() as files:
        exports = _Exports(options, files)
        with ExitStack() as shown:
            progress = _progress(options, err, shown)
            outcome = event_loop.run(
                _session, Benchmark(options, context, progress.begin), progress
            )
        try:
            if outcome.failure is None:
                # First: what reads the report may have ended.
                exports.write(outcome.measured)
        finally:
            _report(outcome, err if _takes_stdout(options) else out, err)
    if outcome.failure is not None:
        raise outcome.failure
    if outcome.stopped_by is not None:
        exit_by_signal(outcome.stopped_by, {outcome.stopped_by})
        return stopped_by(outcome.stopped_by)
    return ExitStatus.OK


def _context(options: BenchOptions, ignored: frozenset[signal.Signals]) -> SpawnContext:
    pass_fds = inherited_descriptors()
    occupy_closed_streams()
    environment = inherited_environment()
    output = None if options.show_output else subprocess.DEVNULL
    return SpawnContext(
        stdin=subprocess.DEVNULL,
        # What memstat prints on stdout is its own.
        stdout=2 if options.show_output else output,
        stderr=output,
        env=environment,
        pass_fds=pass_fds,
        ignored_signals=ignored,
        pid_variables=inherited_pid_variables(environment),
    )


async def _session(benchmark: Benchmark, progress: _Progress) -> Outcome:
    try:
        async with beside(progress.go_on):
            return await benchmark.take()
    finally:
        restore_default_sigint()


class _Exports:
    """The files to write, opened before anything is run."""

    def __init__(self, options: BenchOptions, files: ExitStack) -> None:
        self._json = open_whole(options.exports.json, files)
        self._csv = open_whole(options.exports.csv, files)
        self._markdown = open_whole(options.exports.markdown, files)

    def write(self, measured: Sequence[Measurements]) -> None:
        """Write what was measured, if anything. Raises OutputError."""
        if not measured:
            return
        if self._json is not None:
            self._json.commit(bench_file.encode(measured, __version__))
        if self._csv is not None:
            self._csv.commit(bench_tables.csv_rows(measured))
        if self._markdown is not None:
            self._markdown.commit(bench_tables.markdown(measured))


class _Progress:
    """Shows no progress: where stderr is no terminal, or the commands print on it too."""

    def begin(self, step: Step) -> None:
        """Show that a step has begun."""

    async def go_on(self) -> None:
        """Show how time passes, until it is cancelled."""


class _ShownProgress(_Progress):
    """Shows it on a terminal."""

    def __init__(self, shown: StepProgress, cases: Sequence[Case]) -> None:
        self._shown = shown
        self._cases = cases

    def begin(self, step: Step) -> None:
        what = "warm-up" if step.is_warmup else "run"
        self._shown.begin(f"{what} {step.number} of {self._cases[step.case].name}")

    async def go_on(self) -> None:
        while True:
            await anyio.sleep(_REFRESHED_S)
            self._shown.refresh()


def _progress(options: BenchOptions, err: Output, shown: ExitStack) -> _Progress:
    terminal = err.live_terminal
    if terminal is None or options.show_output:
        return _Progress()
    from memstat.terminal.progress import StepProgress  # noqa: PLC0415 - rich

    steps = len(options.cases) * (options.warmups + options.runs)
    return _ShownProgress(shown.enter_context(StepProgress(terminal, steps)), options.cases)


def _takes_stdout(options: BenchOptions) -> bool:
    """Whether stdout is for a file that is exported."""
    return any(path and is_stdout(path) for path in options.exports)


def _report(outcome: Outcome, out: Output, err: Output) -> None:
    if outcome.measured:
        lines = bench_report.lines(outcome.measured, out.width, ascii_only=out.ascii_only)
        out.write("\n".join(lines))
    for remark in bench_report.remarks(outcome.measured):
        err.remark(remark)
    if outcome.left_running:
        err.remark(bench_report.left_running(outcome.left_running))
    if outcome.stopped_by is not None:
        err.remark(bench_report.stopped(outcome.measured))
