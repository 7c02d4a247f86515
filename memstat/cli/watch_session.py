"""``memstat get -w`` from the targets to the exit status."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Final, NamedTuple, TextIO

import anyio

from memstat.api import Watch, watch_scope
from memstat.background import beside, in_thread
from memstat.cli import event_loop
from memstat.cli.exit_status import ExitStatus, stopped_by
from memstat.cli.interrupt import on_resume, restore_default_sigint
from memstat.cli.line_report import LineReport
from memstat.cli.output import Output
from memstat.proc.descriptors import raise_descriptor_limit, require_descriptors
from memstat.proc.tree import Scope
from memstat.report.ending import WatchStyle, watch_ending
from memstat.report.view_options import ViewOptions
from memstat.sampling.policy import Policy

_STOPPED_BY: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_DESCRIPTORS: Final = 8
"""Of the event loop and of short reads."""


def _nothing() -> None: ...


class _View(NamedTuple):
    """What shows the snapshots of a watch."""

    follow: Callable[[Watch], Awaitable[None]]
    resumed: Callable[[], None] = _nothing
    """Is called, as from a signal handler, when this process goes on after it was stopped."""
    release: Callable[[], None] = _nothing
    """Gives the terminal back its mode, at once."""


def watch_and_report(
    scope: Scope,
    style: WatchStyle,
    interval_s: float,
    policy: Policy,
    view: ViewOptions,
    *,
    out: Output,
    err: Output,
) -> int:
    """Show snapshots until the targets have ended or a signal comes; return the exit status.

    Raises OutputError when stdout takes no more.
    """
    raise_descriptor_limit()
    require_descriptors(_DESCRIPTORS)
    report = LineReport(style, out, err)
    shown = _choose_view(report, out.live_terminal, view)
    read = scope._replace(command_lines=style.shows_table)

    async def session() -> int:
        try:
            with anyio.open_signal_receiver(*_STOPPED_BY) as signals:
                return await watch(signals)
        finally:
            restore_default_sigint()

    async def watch(signals: AsyncIterable[signal.Signals]) -> int:
        async with watch_scope(read, interval_s, policy) as watched:
            received: list[int] = []
            on_resume(watched.resumed, shown.resumed)
            async with beside(_stop_on_signal, watched, signals, received, shown.release):
                async with beside(report.limit_patience_after, watched):
                    await shown.follow(watched)
                ending = watch_ending(
                    watched.peak, watched.stats, watched.latest, style, report.width
                )
                await in_thread(report.conclude, ending)
        return stopped_by(received[0]) if received else ExitStatus.OK

    return event_loop.run(session)


def _choose_view(report: LineReport, terminal: TextIO | None, options: ViewOptions) -> _View:
    if terminal is None or not report.style.format.is_for_people:
        return _View(report.follow)
    from memstat.cli.live_report import LiveReport, keyboard_beside  # noqa: PLC0415 - rich

    keyboard = keyboard_beside(terminal)
    live = LiveReport(report.style, terminal, options=options, keyboard=keyboard)
    return _View(live.follow_watch, live.resumed, live.release_keys)


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
