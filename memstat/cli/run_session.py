"""``memstat run`` from the options to the exit status."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import ExitStack

import anyio
from anyio import to_thread

from memstat.background import beside
from memstat.cli.exit_status import ExitStatus
from memstat.cli.interrupt import restore_default_sigint
from memstat.cli.line_report import LineReport
from memstat.cli.output import Output, standard_error, standard_output
from memstat.cli.redirection import Redirection, open_redirection
from memstat.cli.run_options import RunOptions
from memstat.model import RunResult
from memstat.proc.descriptors import raise_descriptor_limit
from memstat.proc.environment import (
    inherited_descriptors,
    inherited_environment,
    occupy_closed_streams,
)
from memstat.proc.linux import require_linux
from memstat.report import notes
from memstat.report.ending import RunStyle, run_ending
from memstat.supervision.forwarding import exit_by_signal, forwardable_signals
from memstat.supervision.spawn import SpawnContext
from memstat.supervision.supervised import Supervised
from memstat.supervision.supervisor import SupervisionOptions, Supervisor, supervise

Follow = Callable[[Supervised], Awaitable[None]]


def run_and_report(options: RunOptions) -> int:
    """Run the command and report; return the exit status, or end by the signal that ended it.

    Raises SpawnError when it cannot be started, OutputError when a file or a result cannot be
    written.
    """
    # Inherited as ignored, it would hide the command's exit status (wait(2)).
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out, err = standard_output(), standard_error()
    require_linux()
    pass_fds = inherited_descriptors()
    occupy_closed_streams()
    style = options.style(is_on_terminal=err.live_terminal is not None)
    report = LineReport(style, out, err)
    with ExitStack() as files:
        redirection = open_redirection(
            options.stdout_path,
            options.stderr_path,
            stdout_to_stderr=style.results_on_stdout,
            files=files,
        )
        follow, redirection = _choose_view(report, redirection, files)
        context = SpawnContext(
            stdout=redirection.stdout,
            stderr=redirection.stderr,
            env=inherited_environment(),
            pass_fds=pass_fds,
        )
        uncounted = _Uncounted(is_wanted=err.is_terminal and not options.recursive)
        result, received = anyio.run(
            _session, options.command, _supervision(options, style), context, follow, uncounted
        )
        report.conclude(run_ending(result, style, uncounted=uncounted.most))
    return _exit_status(options, result, received, err)


def _choose_view(
    report: LineReport, redirection: Redirection, files: ExitStack
) -> tuple[Follow, Redirection]:
    """Return what shows the snapshots, and where the command's output goes meanwhile."""
    terminal = report.err.live_terminal
    if terminal is None or not report.style.shows_table:
        return report.follow, redirection
    from memstat.cli.live_report import LiveReport, relay_output  # noqa: PLC0415 - rich

    relay, redirection = relay_output(redirection, terminal, files)
    return LiveReport(report.style, terminal, relay=relay).follow_command, redirection


class _Uncounted:
    """Counts the descendants that are not measured, for a remark at the end."""

    def __init__(self, *, is_wanted: bool) -> None:
        self.most = 0
        self._is_wanted = is_wanted

    async def count(self, supervisor: Supervisor) -> None:
        """Count at each tick; the most at once is kept."""
        if not self._is_wanted:
            return
        async for _ in supervisor.supervised:
            children = await to_thread.run_sync(supervisor.count_descendants)
            self.most = max(self.most, children)


async def _session(
    command: Sequence[str],
    options: SupervisionOptions,
    context: SpawnContext,
    follow: Follow,
    uncounted: _Uncounted,
) -> tuple[RunResult, Collection[int]]:
    """Return the result, and the signals that came meanwhile."""
    try:
        async with supervise(command, options, context) as supervisor:
            # Only now: the command has inherited the limits that memstat was given.
            raise_descriptor_limit()
            async with beside(uncounted.count, supervisor):
                await follow(supervisor.supervised)
            result = await supervisor.supervised.wait()
        return result, supervisor.received_signals
    finally:
        restore_default_sigint()


def _supervision(options: RunOptions, style: RunStyle) -> SupervisionOptions:
    return SupervisionOptions(
        command_lines=style.shows_table,
        recursive=options.recursive,
        interval_s=options.interval_s,
        grace_s=options.kill_after_s,
        subreaper=options.recursive,
        wait_all=options.wait_all,
        forwarded=forwardable_signals(),
        max_pss_bytes=options.max_pss_bytes,
        kill_on_exceed=options.on_exceed == "kill",
        has_no_other_children=True,
    )


def _exit_status(
    options: RunOptions, result: RunResult, received: Collection[int], err: Output
) -> int:
    """Return the exit status, or end by the signal that ended the command."""
    if result.limit is not None and result.limit.exceeded and options.on_exceed != "warn":
        return ExitStatus.LIMIT_EXCEEDED
    if result.signal is not None:
        exit_by_signal(result.signal, received)
    if options.min_samples is not None and result.stats.samples < options.min_samples:
        err.remark(notes.too_few_samples(result.stats, options.min_samples))
        return result.exit_status or ExitStatus.OWN_FAILURE
    return result.exit_status
