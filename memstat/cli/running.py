"""The live part of ``memstat run``."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from memstat.cli.output import Output, standard_error, standard_output
from memstat.cli.redirection import Redirection, open_redirection
from memstat.cli.run_report import ReportOptions, RunReport
from memstat.errors import MemstatError, SpawnError
from memstat.model import RunResult
from memstat.proc.descriptors import raise_descriptor_limit
from memstat.proc.environment import (
    inherited_descriptors,
    inherited_environment,
    occupy_closed_streams,
)
from memstat.report.text import printable
from memstat.sampling.background import beside
from memstat.supervision.forwarding import SignalPlan, die_of, forward_signals, forwardable_signals
from memstat.supervision.spawn import Surroundings
from memstat.supervision.supervisor import Supervised, supervise

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


def run_and_report(options: RunOptions) -> int:
    """Run the command and report; return the exit status, or die of the signal it died of."""
    pass_fds = inherited_descriptors()
    occupy_closed_streams()
    out, err = standard_output(), standard_error()
    plan = SignalPlan()
    try:
        with ExitStack() as files:
            redirection = open_redirection(
                options.stdout_path,
                options.stderr_path,
                stdout_to_stderr=options.result_on_stdout,
                files=files,
            )
            report = _choose_report(options, redirection, out, err, files)
            around = Surroundings(
                stdout=report.redirection.stdout,
                stderr=report.redirection.stderr,
                env=inherited_environment(),
                pass_fds=pass_fds,
            )
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


class _Report(Protocol):
    @property
    def redirection(self) -> Redirection: ...

    async def follow(self, running: Supervised) -> None: ...

    async def look_for_children(self, running: Supervised) -> None: ...

    def conclude(self, result: RunResult) -> None: ...


def _choose_report(
    options: RunOptions, redirection: Redirection, out: Output, err: Output, files: ExitStack
) -> _Report:
    lines = RunReport(options, redirection, out, err)
    terminal = err.live_terminal
    if terminal is None or not (options.for_people and options.verbose):
        return lines
    from memstat.cli.live_run import LiveRunReport  # noqa: PLC0415 - rich

    return files.enter_context(
        closing(LiveRunReport(lines, terminal, leaves_peak=options.peak != "never"))
    )


async def _session(
    options: RunOptions, around: Surroundings, report: _Report, plan: SignalPlan
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
            async with forwarding, beside(report.look_for_children, running):
                await report.follow(running)
                return await running.wait()
