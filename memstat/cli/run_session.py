"""``memstat run`` from the options to the exit status."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable, Collection
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from memstat.background import beside, in_thread, require_threads
from memstat.cli import event_loop
from memstat.cli.exit_status import ExitStatus
from memstat.cli.interrupt import on_resize, on_resume, restore_default_sigint
from memstat.cli.line_report import LineReport
from memstat.cli.output import Output, standard_error, standard_output
from memstat.cli.recording import Recording
from memstat.cli.redirection import Redirection, open_redirection, open_report
from memstat.cli.run_options import RunOptions
from memstat.errors import CommandLeftRunning
from memstat.proc.descriptors import raise_descriptor_limit, require_descriptors
from memstat.proc.environment import (
    inherited_descriptors,
    inherited_environment,
    inherited_ignored_signals,
    inherited_pid_variables,
    occupy_closed_streams,
)
from memstat.proc.linux import require_linux
from memstat.report import notes
from memstat.report.ending import RunStyle, run_ending
from memstat.results import RunResult
from memstat.sampling.rate import Rate
from memstat.sampling.spacing import SHOWN_S, spaced
from memstat.supervision.forwarding import NotPermitted, exit_by_signal, forwardable_signals
from memstat.supervision.spawn import SpawnContext
from memstat.supervision.supervised import Supervised
from memstat.supervision.supervisor import SupervisionOptions, Supervisor, supervise

if TYPE_CHECKING:
    from memstat.jsonlines import Json
    from memstat.recording.header import Header

_DESCRIPTORS: Final = 16
"""Of the event loop, of the start of a command and of what refers to it."""
_RELAY_THREADS: Final = 3
"""One reads what the command prints, one shows it, and one does all else."""

Follow = Callable[[Supervised], Awaitable[None]]


def run_and_report(options: RunOptions) -> int:
    """Run the command and report; return the exit status, or end by the signal that ended it.

    Raises SpawnError when it cannot be started, OutputError when a file or a result cannot be
    written.
    """
    ignored = inherited_ignored_signals()
    # Inherited as ignored, it would hide the command's exit status (wait(2)).
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out, err = standard_output(), standard_error()
    require_linux()
    pass_fds = inherited_descriptors()
    occupy_closed_streams()
    style = options.style(is_on_terminal=err.live_terminal is not None)
    with ExitStack() as files:
        file = open_report(options.paths, files)
        apart_s = SHOWN_S if options.interval_s is None else 0.0
        report = LineReport(style, file or out, file or err, apart_s=apart_s)
        recording = Recording(options.recording, files)
        recording.require_another_file(options.paths.by_option)
        redirection = open_redirection(
            options.paths, stdout_to_stderr=style.results_on_stdout, files=files
        )
        view, redirection = _choose_view(report, options, redirection, files)
        environment = inherited_environment()
        context = SpawnContext(
            stdout=redirection.stdout,
            stderr=redirection.stderr,
            env=environment,
            pass_fds=pass_fds,
            ignored_signals=ignored,
            pid_variables=inherited_pid_variables(environment),
        )
        uncounted = _Uncounted(is_wanted=not options.recursive)
        require_descriptors(_DESCRIPTORS)
        try:
            result, received = event_loop.run(
                partial(_session, uncounted=uncounted, recording=recording),
                options,
                _supervision(options, style),
                context,
                view,
            )
        except CommandLeftRunning as error:
            err.remark(str(error))
            exit_by_signal(error.signum, {error.signum})
            raise
        report.conclude(run_ending(result, style, report.width))
        if recording.remark is not None:
            err.remark(recording.remark)
        if file is not None:
            file.require_written()
    return _exit_status(options, result, received, err)


class _View(NamedTuple):
    """What shows the snapshots of a command while it runs."""

    report: LineReport
    follow: Follow
    warn: Callable[[str], Awaitable[None]]
    """Writes at once what cannot wait for the end."""
    displaced: Callable[[], None] = lambda: None
    """Is called, as from a signal handler, when this process goes on after it was stopped."""
    threads: int = 1
    """Threads that it cannot do without."""

    async def show(self, running: Supervised) -> None:
        """Show them until the command has ended."""
        async with beside(self.report.limit_patience_after, running):
            await self.follow(running)

    async def report_not_permitted(self, refused: NotPermitted) -> None:
        """Report a signal that cannot be passed on."""
        await self.warn(notes.not_passed_on(refused.signum, refused.pid))


def _choose_view(
    report: LineReport, options: RunOptions, redirection: Redirection, files: ExitStack
) -> tuple[_View, Redirection]:
    """Return what shows the snapshots, and where the command's output goes meanwhile."""
    terminal = report.err.live_terminal
    if terminal is None or not report.style.shows_table:
        return _View(report, report.follow, report.warn), redirection
    from memstat.cli.live_report import LiveReport, relay_output  # noqa: PLC0415 - rich
    from memstat.terminal.shells import is_interactive_shell  # noqa: PLC0415 - only here

    if os.isatty(0) and is_interactive_shell(options.command):
        live = LiveReport(report.style, terminal, at_end_only=True, options=options.view)
        return _View(report, live.follow_command, report.warn), redirection
    relay, redirection = relay_output(redirection, terminal, files)
    live = LiveReport(
        report.style, terminal, relay=relay, apart_s=report.apart_s, options=options.view
    )
    threads = 1 if relay is None else _RELAY_THREADS
    return _View(report, live.follow_command, live.warn, live.displaced, threads), redirection


class _Uncounted:
    """Counts the descendants that are not measured, for a remark at the end."""

    def __init__(self, *, is_wanted: bool) -> None:
        self.most = 0
        self._is_wanted = is_wanted

    async def count(self, supervisor: Supervisor) -> None:
        """Count again and again; the most at once is kept."""
        if not self._is_wanted:
            return
        async for _ in spaced(supervisor.supervised, SHOWN_S):
            children = await in_thread(supervisor.count_descendants)
            self.most = max(self.most, children)


async def _session(
    options: RunOptions,
    supervision: SupervisionOptions,
    context: SpawnContext,
    view: _View,
    *,
    uncounted: _Uncounted,
    recording: Recording,
) -> tuple[RunResult, Collection[int]]:
    """Return the result, and the signals that came meanwhile."""
    try:
        if view.threads > 1:  # One is what ``supervise`` requires.
            await require_threads(view.threads)
        async with recording.at_work(partial(_header, options), view.warn) as observers:
            async with supervise(
                options.command,
                supervision,
                context,
                report=view.report_not_permitted,
                observers=observers,
            ) as supervisor:
                # Only now: the command has inherited the limits that memstat was given.
                raise_descriptor_limit()
                on_resume(supervisor.supervised.resumed, view.displaced)
                on_resize(view.displaced)
                running = supervisor.supervised
                async with beside(uncounted.count, supervisor), recording.mapping(running):
                    await view.show(running)
                result = await supervisor.supervised.wait()
            result = replace(result, uncounted_descendants=uncounted.most)
            recording.conclude(partial(_summary, options, result))
        return result, supervisor.received_signals
    finally:
        restore_default_sigint()


def _header(options: RunOptions) -> Header:
    from memstat.recording.record import make_header  # noqa: PLC0415 - only to record

    return make_header(
        interval_s=Rate(options.interval_s).interval_s,
        recursive=options.recursive,
        arguments=options.records_arguments,
        command=options.command,
    )


def _summary(options: RunOptions, result: RunResult) -> Json:
    from memstat.recording.record import summarize_run  # noqa: PLC0415 - likewise

    return summarize_run(result, on_exceed=options.on_exceed, arguments=options.records_arguments)


def _supervision(options: RunOptions, style: RunStyle) -> SupervisionOptions:
    return SupervisionOptions(
        command_lines=style.shows_table or options.records_arguments,
        recursive=options.recursive,
        interval_s=options.interval_s,
        policy=options.policy,
        grace_s=options.kill_after_s,
        subreaper=options.recursive,
        wait_all=options.wait_all,
        forwarded=forwardable_signals(),
        forward=options.forward,
        max_pss_bytes=options.max_pss_bytes,
        kill_on_exceed=options.on_exceed == "kill",
        owns_process=True,
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
