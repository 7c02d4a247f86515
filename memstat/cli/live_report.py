"""``memstat run -v`` on a terminal: a dashboard, and the command's output above it."""

from __future__ import annotations

import os
import signal
import stat
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TextIO

import anyio
from anyio import to_thread

from memstat.cli.line_report import RunReport
from memstat.cli.redirection import Redirection
from memstat.model import RunResult
from memstat.supervision.supervised import Supervised
from memstat.supervision.supervisor import Supervisor
from memstat.terminal.dashboard import Dashboard
from memstat.terminal.display import LiveDisplay
from memstat.terminal.relay import TerminalRelay


class LiveRunReport:
    """Shows the dashboard while the command runs, leaves it as at the peak, and tells the end."""

    def __init__(self, lines: RunReport, terminal: TextIO, *, leaves_peak: bool) -> None:
        self._lines = lines
        self._terminal = terminal
        self._leaves_peak = leaves_peak
        self._dashboard: Dashboard | None = None
        self._relay = _relay_for(lines.redirection, terminal.fileno())
        self.redirection = _through(self._relay, lines.redirection, terminal.fileno())

    async def follow(self, running: Supervised) -> None:
        """Draw until the command has ended."""
        relay = self._relay
        # Half of the screen is for what the command prints.
        display = LiveDisplay(self._terminal, share_of_height=1.0 if relay is None else 0.5)

        def pass_size_on() -> None:
            if relay is not None:
                relay.resize()
                # The terminal told the command before its own one had the new size.
                running.send_signal(signal.SIGWINCH)

        self._dashboard = dashboard = Dashboard(display, on_resize=pass_size_on)
        async with dashboard.on_screen(running), _relaying(relay, dashboard.scroll):
            await dashboard.follow(running)
        if self._leaves_peak:
            await dashboard.leave_peak(running)

    async def look_for_children(self, supervisor: Supervisor) -> None:
        await self._lines.look_for_children(supervisor)

    async def warn(self, note: str) -> None:
        """Write at once, above the table, what cannot wait for the end."""
        if self._dashboard is None:
            await self._lines.warn(note)
        else:
            await self._dashboard.write_above(f"memstat: {note}\n")

    def conclude(self, result: RunResult) -> None:
        self._lines.conclude(result)

    def close(self) -> None:
        """Give the pseudo-terminal back."""
        if self._relay is not None:
            self._relay.close()


def _relay_for(redirection: Redirection, terminal_fd: int) -> TerminalRelay | None:
    """Return a relay when the command would write to the terminal of the dashboard itself."""
    if not any(_goes_to_terminal(redirection, terminal_fd)):
        return None
    try:
        return TerminalRelay(terminal_fd)
    except (OSError, termios.error):
        return None


def _through(relay: TerminalRelay | None, given: Redirection, terminal_fd: int) -> Redirection:
    if relay is None:
        return given
    stdout_too, stderr_too = _goes_to_terminal(given, terminal_fd)
    return replace(
        given,
        stdout=relay.child_fd if stdout_too else given.stdout,
        stderr=relay.child_fd if stderr_too else given.stderr,
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
async def _relaying(
    relay: TerminalRelay | None, show: Callable[[bytes, bytes], None]
) -> AsyncIterator[None]:
    """Let the command's output through until the block is left and nothing of it is left."""
    if relay is None:
        yield
        return
    relay.command_started()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(to_thread.run_sync, relay.read)
        tasks.start_soon(to_thread.run_sync, relay.show, show)
        try:
            yield
        finally:
            relay.finish()
