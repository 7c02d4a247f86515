"""The live part of ``memstat run``."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Final, Literal

import anyio
from anyio import to_thread

from memstat.cli.output import Output, OutputError, standard_error, standard_output
from memstat.errors import MemstatError, SpawnError
from memstat.model import RunResult, Snapshot
from memstat.proc.descriptors import raise_descriptor_limit
from memstat.proc.environment import (
    inherited_descriptors,
    inherited_environment,
    occupy_closed_streams,
)
from memstat.report import jsonlines, notes, plain
from memstat.report.text import printable
from memstat.sampling.background import beside
from memstat.supervision.forwarding import SignalPlan, die_of, forward_signals, forwardable_signals
from memstat.supervision.spawn import Surroundings
from memstat.supervision.supervisor import Supervised, supervise

_OWN_FAILURE: Final = 125


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What was asked for on the command line."""

    command: list[str]
    recursive: bool
    verbose: bool
    interval_s: float
    peak: Literal["also", "never", "only"]
    in_bytes: bool
    as_json: bool
    stdout_path: str | None
    stderr_path: str | None
    wait_all: bool
    kill_after_s: float

    @property
    def result_on_stdout(self) -> bool:
        return self.as_json or self.peak == "only"

    @property
    def streams_snapshots(self) -> bool:
        return self.verbose and (self.as_json or self.peak != "only")


def run_and_report(options: RunOptions) -> int:
    """Run the command and report; return the exit status, or die of the signal it died of."""
    pass_fds = inherited_descriptors()
    occupy_closed_streams()
    out, err = standard_output(), standard_error()
    plan = SignalPlan()
    try:
        with ExitStack() as files:
            around = _surroundings(options, pass_fds, files)
            report = RunReport(options, out if options.result_on_stdout else err, err)
            result = anyio.run(_session, options, around, report, plan)
        report.conclude(result)
    except SpawnError as error:
        err.try_write(f"memstat: {printable(str(error))}")
        return error.exit_status
    except MemstatError as error:
        err.try_write(f"memstat: {printable(str(error))}")
        return _OWN_FAILURE
    if result.signal is not None:
        die_of(result.signal, plan.received)
    return result.exit_status


async def _session(
    options: RunOptions, around: Surroundings, report: RunReport, plan: SignalPlan
) -> RunResult:
    # Caught from before the start, so that no signal finds memstat alone.
    with anyio.open_signal_receiver(*forwardable_signals()) as signals:
        async with supervise(
            options.command,
            recursive=options.recursive,
            interval_s=options.interval_s,
            around=around,
            grace_s=options.kill_after_s,
            subreaper=options.recursive,
            wait_all=options.wait_all,
        ) as running:
            # Only now: the command has inherited the limits that we were given.
            raise_descriptor_limit()
            forwarding = beside(
                forward_signals, signals, running, plan, kill_after_s=options.kill_after_s
            )
            async with forwarding:
                async for snapshot in running:
                    await to_thread.run_sync(report.show, snapshot)
                    await to_thread.run_sync(report.look_for_children, running)
                return await running.wait()


class RunReport:
    """Writes snapshots while the command runs, and the end."""

    def __init__(self, options: RunOptions, result_output: Output, err: Output) -> None:
        self._options = options
        self._result_output = result_output
        self._err = err
        self._uncounted = 0

    def look_for_children(self, running: Supervised) -> None:
        if not self._options.recursive and self._err.is_terminal:
            self._uncounted = max(self._uncounted, running.count_descendants())

    def show(self, snapshot: Snapshot) -> None:
        if self._options.streams_snapshots:
            self._tell(self._format(snapshot))

    def conclude(self, result: RunResult) -> None:
        """Write the end. Raises OutputError when a result for stdout could not be written."""
        options = self._options
        if options.as_json:
            summary = jsonlines.run_summary(result, with_peak=options.peak != "never")
            self._tell(jsonlines.line(summary))
            return
        if options.verbose and options.peak != "only":
            self._err.try_write(notes.exit_line(result))
        if options.peak != "never":
            self._tell_peak(result)
        if options.peak == "also":
            for note in notes.end_notes(result):
                self._err.try_write(f"memstat: {note}")

    def _tell_peak(self, result: RunResult) -> None:
        if result.peak is None:
            reason = notes.no_peak_reason(result.duration_s, result.last)
            self._err.try_write(f"Peak: {reason}")
            return
        text = self._format(result.peak.snapshot)
        self._tell(text if self._options.peak == "only" else f"Peak:\n{text}")
        doubts = notes.peak_notes(result.peak, result.stats)
        for note in [*doubts, notes.uncounted_note(self._uncounted)]:
            if note:
                self._err.try_write(f"memstat: {note}")

    def _tell(self, text: str) -> None:
        # A report that nobody reads is no reason to fail; a result for a script is.
        if self._options.result_on_stdout:
            self._result_output.write(text)
        else:
            self._result_output.try_write(text)

    def _format(self, snapshot: Snapshot) -> str:
        if self._options.as_json:
            return jsonlines.line(jsonlines.snapshot_object(snapshot))
        return plain.block(snapshot, verbose=self._options.verbose, in_bytes=self._options.in_bytes)


def _surroundings(options: RunOptions, pass_fds: tuple[int, ...], files: ExitStack) -> Surroundings:
    """Open what the command's output goes to, before anything is started. Raises OutputError."""
    stdout: IO[bytes] | int | None = 2 if options.result_on_stdout else None
    stderr: IO[bytes] | int | None = None
    if options.stdout_path is not None:
        stdout = files.enter_context(_open(options.stdout_path))
    if options.stderr_path is not None:
        if _is_same(options.stdout_path, options.stderr_path):
            stderr = stdout
        else:
            stderr = files.enter_context(_open(options.stderr_path))
    return Surroundings(
        stdout=stdout, stderr=stderr, env=inherited_environment(), pass_fds=pass_fds
    )


def _is_same(one: str | None, other: str) -> bool:
    # Two descriptors of one file would overwrite each other's output.
    return one is not None and os.path.realpath(one) == os.path.realpath(other)


def _open(path: str) -> IO[bytes]:
    try:
        return open(path, "wb", buffering=0)
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror}") from error
