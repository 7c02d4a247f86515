"""The modes of a terminal (termios(3)), and keeping those of two terminals alike."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from memstat.proc.terminal_readers import descends_from_this

_FLAGS: Final = (0, 1, 3)
"""Input, output and local modes, in what tcgetattr() returns; the rest is the line's speed."""
_CHARACTERS: Final = 6


@dataclass(frozen=True, slots=True)
class Modes:
    """How a terminal treats what is typed."""

    echo: bool = True
    """Whether it shows it."""
    by_line: bool = True
    """Whether it passes it on a line at a time."""

    def is_less_than(self, before: Modes) -> bool:
        """Whether a program has switched off what was on: it handles what is typed itself."""
        return (before.echo and not self.echo) or (before.by_line and not self.by_line)


NO_LINES: Final = Modes(echo=False, by_line=False)


def modes_of(fd: int) -> Modes:
    """Return the modes of a terminal; the usual ones when they cannot be read."""
    try:
        local = termios.tcgetattr(fd)[3]
    except termios.error:
        return Modes()
    return Modes(echo=bool(local & termios.ECHO), by_line=bool(local & termios.ICANON))


def typed_bytes(fd: int) -> int:
    """Return how much that was typed on a terminal waits to be read; 0 when that is not known."""
    try:
        (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    except OSError:
        return 0
    return int(count)


def adds_returns(fd: int) -> bool:
    """Whether a terminal goes to the start of the next line for a newline, as it usually does."""
    try:
        output = termios.tcgetattr(fd)[1]
    except termios.error:
        return True
    return bool(output & termios.OPOST and output & termios.ONLCR)


def merged(last: list[Any], one: list[Any], other: list[Any]) -> list[Any]:
    """Return ``other`` with what has changed in ``one`` since they were both ``last``.

    >>> plain = [0b11, 0, 0, 0, 0, 0, [b"a", b"b"]]
    >>> merged(plain, [0b10, 0, 0, 0, 0, 0, [b"a", b"x"]], [0b11, 1, 0, 0, 0, 0, [b"a", b"b"]])
    [2, 1, 0, 0, 0, 0, [b'a', b'x']]
    """
    both = list(other)
    for at in _FLAGS:
        changed = last[at] ^ one[at]
        both[at] = (other[at] & ~changed) | (one[at] & changed)
    both[_CHARACTERS] = [
        new if new != was else theirs
        for was, new, theirs in zip(
            last[_CHARACTERS], one[_CHARACTERS], other[_CHARACTERS], strict=True
        )
    ]
    return both


class LinkedModes:
    """Two terminals that a program takes for one: what it sets of either is set of both.

    A program sets the modes of the terminal that it reads (vim, ssh) or of that which it writes to
    (curses). It acts on what it sees at a call of ``follow``; from one thread.
    """

    def __init__(self, terminal_fd: int, relay_fd: int) -> None:
        self._terminal_fd = terminal_fd
        self._relay_fd = relay_fd
        self._last = termios.tcgetattr(terminal_fd)
        termios.tcsetattr(relay_fd, termios.TCSANOW, self._last)
        self._last_relay = termios.tcgetattr(relay_fd)
        self._at_start = modes_of(terminal_fd)

    @property
    def is_interactive(self) -> bool:
        """Whether the command handles what is typed itself."""
        return modes_of(self._terminal_fd).is_less_than(self._at_start)

    def follow(self) -> None:
        """Set on each what has changed on the other."""
        try:
            terminal = termios.tcgetattr(self._terminal_fd)
            relay = termios.tcgetattr(self._relay_fd)
            if terminal == self._last and relay == self._last_relay:
                return
            both = merged(self._last_relay, relay, terminal)
            if both != terminal and belongs_to_command(self._terminal_fd):
                set_modes(self._terminal_fd, both)
            if both != relay:
                set_modes(self._relay_fd, both)
            self._last = termios.tcgetattr(self._terminal_fd)
            self._last_relay = termios.tcgetattr(self._relay_fd)
        except (termios.error, OSError):
            pass  # One of them has gone.


def foreground_group(terminal_fd: int) -> int | None:
    """Return the group that has a terminal now; ``None`` when it is not our controlling one."""
    try:
        return os.tcgetpgrp(terminal_fd)
    except OSError:
        return None


def belongs_to_command(terminal_fd: int) -> bool:
    """Whether a terminal is ours or our command's, not another job's of the shell."""
    group = foreground_group(terminal_fd)
    return group in (None, os.getpgrp()) or descends_from_this(group or 0)


def signal_foreground(terminal_fd: int, signum: int) -> int | None:
    """Signal the foreground group, if it is ours or our command's; return which that was."""
    group = foreground_group(terminal_fd)
    if group and belongs_to_command(terminal_fd):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signum)
            return group
    return None


@contextmanager
def without_stopping() -> Iterator[None]:
    """Let this thread use the terminal in the background, where that would stop this process.

    A command that has a group of its own, as a shell with job control, leaves us there.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU, signal.SIGTTIN})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def set_modes(fd: int, attributes: list[Any]) -> None:
    """Set what tcgetattr() returned, from the background too. Raises termios.error."""
    with without_stopping():
        termios.tcsetattr(fd, termios.TCSANOW, attributes)
