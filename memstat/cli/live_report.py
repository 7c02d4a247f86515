"""Snapshots on a terminal: a dashboard, or one line that stays in place."""

from __future__ import annotations

import os
import signal
import stat
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from typing import Final, TextIO

import anyio
from anyio import to_thread

from memstat.api import Watch
from memstat.cli.redirection import Redirection
from memstat.proc.process_group import group_of
from memstat.report.ending import Style
from memstat.report.view_options import ViewOptions
from memstat.sampling.observation import Observation
from memstat.supervision.supervised import Supervised
from memstat.terminal.controls import Controls
from memstat.terminal.dashboard import Dashboard
from memstat.terminal.display import LiveDisplay
from memstat.terminal.keyboard import Keyboard
from memstat.terminal.modes import foreground_group, signal_foreground
from memstat.terminal.relay import TerminalRelay
from memstat.text import printable

_USUAL: Final = ViewOptions()


class LiveReport:
    """Shows snapshots while they come, and leaves the table as it was at the peak.

    With ``relay``, the output of a command scrolls past above it. With ``at_end_only`` nothing is
    shown before the end. It opens the terminal: make it outside the event loop.
    """

    def __init__(
        self,
        style: Style,
        terminal: TextIO,
        *,
        relay: TerminalRelay | None = None,
        at_end_only: bool = False,
        apart_s: float = 0.0,
        options: ViewOptions = _USUAL,
        keyboard: Keyboard | None = None,
    ) -> None:
        self._keyboard = keyboard
        self._at_end_only = at_end_only
        self._apart_s = apart_s
        self._relay = relay
        self._display = LiveDisplay(
            terminal,
            one_line=not style.format.verbose,
            options=options._replace(has_keys=keyboard is not None),
        )
        self._dashboard: Dashboard | None = None
        self._leaves_peak = style.format.verbose and style.peak != "never"

    async def follow(
        self,
        observed: Observation,
        *,
        on_resize: Callable[[int | None], object] = lambda _: None,
        on_quit: Callable[[], None] | None = None,
    ) -> None:
        """Draw until there are no more snapshots.

        ``on_resize`` follows a resize of the relay, with the group that got SIGWINCH; ``on_quit``
        is what the key for it does.
        """
        relay, terminal_fd = self._relay, self._display.fd

        if relay is not None:
            # The terminal sent a signal too, but before the relay had the new size.
            relay.on_resize = lambda: on_resize(signal_foreground(terminal_fd, signal.SIGWINCH))
        controls = Controls(self._keyboard, on_quit) if self._keyboard and on_quit else None
        self._dashboard = dashboard = Dashboard(
            self._display,
            relay=relay,
            controls=controls,
            apart_s=self._apart_s,
        )
        if self._at_end_only:
            await dashboard.follow(observed)
        else:
            async with dashboard.on_screen(observed), _relaying(relay, dashboard):
                await dashboard.follow(observed)
        if self._leaves_peak:
            await dashboard.leave_peak(observed)

    async def warn(self, note: str) -> None:
        """Write at once, above the table, what cannot wait for the end."""
        if self._dashboard is not None:
            await self._dashboard.write_above(f"memstat: {printable(note)}\n")

    def displaced(self) -> None:
        """Note that the screen may be another: after a stop, or a resize. It does not block."""
        self._display.note_displaced()

    def release_keys(self) -> None:
        """Restore the mode of the terminal at once, for good."""
        if self._keyboard is not None:
            self._keyboard.close()

    async def follow_watch(self, watched: Watch) -> None:
        """Draw until a watch has ended, or the key that quits is pressed."""
        await self.follow(watched, on_quit=watched.stop)

    async def follow_command(self, running: Supervised) -> None:
        """Draw until a command has ended; it gets SIGWINCH when its output has another width."""

        def signal_command(signalled: int | None) -> None:
            # Not twice: a program may lose a key that is typed just then, as less does.
            if signalled is None or group_of(running.pid) != signalled:
                running.send_signal(signal.SIGWINCH)

        await self.follow(running, on_resize=signal_command)


def keyboard_beside(terminal: TextIO) -> Keyboard | None:
    """Return the keys of a terminal where standard input is that terminal, and our session's."""
    fd = terminal.fileno()
    if os.isatty(0) and _is_same_terminal(0, fd) and foreground_group(0) is not None:
        return Keyboard(0)
    return None


def relay_output(
    redirection: Redirection, terminal: TextIO, files: ExitStack
) -> tuple[TerminalRelay | None, Redirection]:
    """Return a relay for output that would go to the terminal of the report, and the way to it.

    ``None`` when no output goes there, or no pseudo-terminal can be had; ``files`` closes it.
    """
    through = _goes_to_terminal(redirection, terminal.fileno())
    if not any(through):
        return None, redirection
    try:
        relay = files.enter_context(closing(TerminalRelay(terminal.fileno())))
    except (OSError, termios.error):
        return None, redirection
    stdout_too, stderr_too = through
    return relay, redirection._replace(
        stdout=relay.child_fd if stdout_too else redirection.stdout,
        stderr=relay.child_fd if stderr_too else redirection.stderr,
    )


def _goes_to_terminal(redirection: Redirection, terminal_fd: int) -> tuple[bool, bool]:
    return (
        redirection.stdout is None and _is_same_terminal(1, terminal_fd),
        redirection.stderr is None and _is_same_terminal(2, terminal_fd),
    )


def _is_same_terminal(fd: int, terminal_fd: int) -> bool:
    one, other = os.fstat(fd), os.fstat(terminal_fd)
    return stat.S_ISCHR(one.st_mode) and one.st_rdev == other.st_rdev


@asynccontextmanager
async def _relaying(relay: TerminalRelay | None, dashboard: Dashboard) -> AsyncIterator[None]:
    """Pass the command's output on until the block is left and all of it is shown."""
    if relay is None:
        yield
        return

    def show() -> None:
        relay.show(dashboard.output)
        with suppress(OSError):
            dashboard.end_output()

    relay.command_started()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(to_thread.run_sync, relay.read)
        tasks.start_soon(to_thread.run_sync, show)
        try:
            yield
        finally:
            relay.finish()
