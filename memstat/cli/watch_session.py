"""``memstat get -w`` from the targets to the exit status."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

import anyio

from memstat.api import Watch, watch_scope
from memstat.background import beside, in_thread
from memstat.cli import event_loop
from memstat.cli.exit_status import ExitStatus, stopped_by
from memstat.cli.interrupt import on_resize, on_resume, restore_default_sigint
from memstat.cli.line_report import LineReport
from memstat.cli.options import RecordOptions
from memstat.cli.output import Output
from memstat.cli.recording import Recording
from memstat.proc.descriptors import raise_descriptor_limit, require_descriptors
from memstat.proc.tree import Scope
from memstat.report.ending import WatchStyle, watch_ending
from memstat.report.view_options import ViewOptions
from memstat.sampling.observer import Observer
from memstat.sampling.policy import Policy

if TYPE_CHECKING:
    from memstat.jsonlines import Json
    from memstat.recording.header import Header

_STOPPED_BY: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_DESCRIPTORS: Final = 8
"""Of the event loop and of short reads."""


class _View(NamedTuple):
    """What shows the snapshots of a watch."""

    follow: Callable[[Watch], Awaitable[None]]
    warn: Callable[[str], Awaitable[None]]
    """Writes at once what cannot wait for the end."""
    displaced: Callable[[], None] = lambda: None
    """Is called, as from a signal handler, when this process goes on after it was stopped."""
    release: Callable[[], None] = lambda: None
    """Gives the terminal back its mode, at once."""


class WatchOptions(NamedTuple):
    """What was asked for on the command line."""

    scope: Scope
    """The targets, and whether their descendants are measured too."""
    style: WatchStyle
    """The form of the report."""
    interval_s: float
    """Seconds between ticks."""
    policy: Policy
    """How much processes may be held up."""
    view: ViewOptions
    """How the live table is to be shown."""
    recording: RecordOptions | None
    """What is to be recorded; ``None``: nothing."""


def watch_and_report(options: WatchOptions, *, out: Output, err: Output) -> int:
    """Show snapshots until the targets have ended or a signal comes; return the exit status.

    Raises OutputError when stdout takes no more, RecordingError when a recording cannot be begun.
    """
    raise_descriptor_limit()
    require_descriptors(_DESCRIPTORS)
    style = options.style
    report = LineReport(style, out, err)
    shown = _choose_view(report, out.live_terminal, options.view)
    with ExitStack() as files:
        recording = Recording(options.recording, files)
        needs_lines = style.shows_table or recording.has_arguments
        options = options._replace(scope=options.scope._replace(command_lines=needs_lines))
        status = event_loop.run(_session, options, report, shown, recording)
    if recording.remark is not None:
        err.remark(recording.remark)
    return status


async def _session(
    options: WatchOptions, report: LineReport, shown: _View, recording: Recording
) -> int:
    try:
        with anyio.open_signal_receiver(*_STOPPED_BY) as signals:
            async with recording.at_work(partial(_header, options), shown.warn) as observers:
                return await _watch(
                    options,
                    report,
                    shown,
                    recording=recording,
                    observers=observers,
                    signals=signals,
                )
    finally:
        restore_default_sigint()


async def _watch(
    options: WatchOptions,
    report: LineReport,
    shown: _View,
    *,
    recording: Recording,
    observers: Sequence[Observer],
    signals: AsyncIterable[signal.Signals],
) -> int:
    received: list[int] = []
    async with watch_scope(
        options.scope, options.interval_s, options.policy, observers, owns_loop=True
    ) as watched:
        on_resume(watched.resumed, shown.displaced)
        on_resize(shown.displaced)
        async with beside(_stop_on_signal, watched, signals, received, shown.release):
            async with beside(report.limit_patience_after, watched), recording.mapping(watched):
                await shown.follow(watched)
            recording.conclude(partial(_summary, watched))
            ending = watch_ending(
                watched.peak, watched.stats, watched.latest, options.style, report.width
            )
            await in_thread(report.conclude, ending)
    return stopped_by(received[0]) if received else ExitStatus.OK


def _header(options: WatchOptions) -> Header:
    from memstat.recording.record import make_header  # noqa: PLC0415 - only to record

    return make_header(
        interval_s=options.interval_s,
        recursive=options.scope.recursive,
        arguments=options.recording is not None and options.recording.arguments,
        targets=[root.pid for root in options.scope.roots],
    )


def _summary(watched: Watch) -> Json:
    from memstat.recording.record import summarize_watch  # noqa: PLC0415 - likewise

    return summarize_watch(watched)


def _choose_view(report: LineReport, terminal: TextIO | None, options: ViewOptions) -> _View:
    if terminal is None or not report.style.format.is_for_people:
        return _View(report.follow, report.warn)
    from memstat.cli.live_report import LiveReport, keyboard_beside  # noqa: PLC0415 - rich

    keyboard = keyboard_beside(terminal)
    live = LiveReport(report.style, terminal, options=options, keyboard=keyboard)
    return _View(live.follow_watch, live.warn, live.displaced, live.release_keys)


async def _stop_on_signal(
    watched: Watch,
    signals: AsyncIterable[signal.Signals],
    received: list[int],
    release: Callable[[], None],
) -> None:
    """Stop the watch at each signal, and add it to those received."""
    async for signum in signals:
        received.append(signum)
        # Before the second one, which ends us as we are.
        release()
        watched.stop()
        # A second one must get through, even when a write is stuck.
        signal.signal(signum, signal.SIG_DFL)
