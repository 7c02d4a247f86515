"""The live part of ``memstat run``."""

from __future__ import annotations

import signal
from collections.abc import Collection
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from memstat.background import beside
from memstat.cli.interrupt import die_of_interrupts
from memstat.cli.line_report import ReportOptions, RunReport
from memstat.cli.output import Output, standard_error, standard_output
from memstat.cli.redirection import Redirection, open_redirection
from memstat.errors import CommandLeftRunning, MemstatError, SpawnError
from memstat.model import RunResult
from memstat.proc.descriptors import raise_descriptor_limit
from memstat.proc.environment import (
    inherited_descriptors,
    inherited_environment,
    occupy_closed_streams,
)
from memstat.proc.linux import require_linux
from memstat.report import notes
from memstat.supervision.forwarding import NotPermitted, exit_by_signal, forwardable_signals
from memstat.supervision.signal_plan import ForwardingPolicy
from memstat.supervision.spawn import SpawnContext
from memstat.supervision.supervised import Supervised
from memstat.supervision.supervisor import SupervisionOptions, Supervisor, supervise
from memstat.text import printable

_LIMIT_EXCEEDED: Final = 124
_OWN_FAILURE: Final = 125


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(ReportOptions):
    """What was asked for on the command line."""

    command: list[str]
    interval_s: float
    stdout_path: str | None
    stderr_path: str | None
    wait_all: bool
    kill_after_s: float
    forward: ForwardingPolicy
    max_pss_bytes: int | None
    min_samples: int | None

    @property
    def supervision(self) -> SupervisionOptions:
        return SupervisionOptions(
            recursive=self.recursive,
            interval_s=self.interval_s,
            grace_s=self.kill_after_s,
            subreaper=self.recursive,
            wait_all=self.wait_all,
            forwarded=forwardable_signals(),
            forward=self.forward,
            max_pss_bytes=self.max_pss_bytes,
            kill_on_exceed=self.on_exceed in (None, "kill"),
            owns_process=True,
        )


def run_and_report(options: RunOptions) -> int:
    """Run the command and report; return the exit status, or die of the signal it died of."""
    # Inherited as ignored, it would take the command's exit status from us (wait(2)).
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out, err = standard_output(), standard_error()
    try:
        require_linux()
        pass_fds = inherited_descriptors()
        occupy_closed_streams()
        with ExitStack() as files:
            redirection = open_redirection(
                options.stdout_path,
                options.stderr_path,
                stdout_to_stderr=options.result_on_stdout,
                files=files,
            )
            report = _choose_report(options, redirection, out, err, files)
            context = SpawnContext(
                stdout=report.redirection.stdout,
                stderr=report.redirection.stderr,
                env=inherited_environment(),
                pass_fds=pass_fds,
            )
            result, received = anyio.run(_session, options, context, report)
            report.conclude(result)
    except CommandLeftRunning as error:
        err.try_write(f"memstat: {error}")
        exit_by_signal(error.signum, {error.signum})
        return _OWN_FAILURE
    except SpawnError as error:
        err.try_write(f"memstat: {printable(str(error))}")
        return error.exit_status
    except MemstatError as error:
        err.try_write(f"memstat: {printable(str(error))}")
        return _OWN_FAILURE
    return _exit_status(options, result, received, err)


def _exit_status(
    options: RunOptions, result: RunResult, received: Collection[int], err: Output
) -> int:
    """Return the exit status, or die of the signal that the command died of."""
    if result.limit is not None and result.limit.exceeded and options.on_exceed != "warn":
        return _LIMIT_EXCEEDED
    if result.signal is not None:
        exit_by_signal(result.signal, received)
    if options.min_samples is not None and result.stats.samples < options.min_samples:
        err.try_write(f"memstat: {notes.too_few_samples(result.stats, options.min_samples)}")
        return result.exit_status or _OWN_FAILURE
    return result.exit_status


class _Report(Protocol):
    @property
    def redirection(self) -> Redirection: ...

    async def follow(self, running: Supervised) -> None: ...

    async def look_for_children(self, supervisor: Supervisor) -> None: ...

    async def warn(self, note: str) -> None: ...

    def conclude(self, result: RunResult) -> None: ...


def _choose_report(
    options: RunOptions, redirection: Redirection, out: Output, err: Output, files: ExitStack
) -> _Report:
    lines = RunReport(options, redirection, out, err)
    terminal = err.live_terminal
    if terminal is None or not (options.for_people and options.verbose):
        return lines
    from memstat.cli.live_report import LiveRunReport  # noqa: PLC0415 - rich

    return files.enter_context(
        closing(LiveRunReport(lines, terminal, leaves_peak=options.peak != "never"))
    )


async def _session(
    options: RunOptions, context: SpawnContext, report: _Report
) -> tuple[RunResult, Collection[int]]:
    async def report_not_permitted(signal: NotPermitted) -> None:
        await report.warn(notes.not_passed_on(signal.signum, signal.pid))

    try:
        async with supervise(
            options.command, options.supervision, context, report=report_not_permitted
        ) as supervisor:
            # Only now: the command has inherited the limits that we were given.
            raise_descriptor_limit()
            async with beside(report.look_for_children, supervisor):
                await report.follow(supervisor.supervised)
            result = await supervisor.supervised.wait()
        return result, supervisor.received_signals
    finally:
        die_of_interrupts()
