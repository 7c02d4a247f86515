"""A pseudo-terminal for the command's output, so that it can scroll past a live display."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import termios
from collections.abc import Callable
from typing import Final

from memstat.terminal.handover import Handover
from memstat.terminal.lines import LineFilter

_READ_BYTES: Final = 1 << 14
_BATCH_BYTES: Final = 1 << 19
_BATCH_S: Final = 0.05


class TerminalRelay:
    """``child_fd`` is the command's output; the other end is read here.

    The pseudo-terminal has the modes and the size of the terminal of the display.
    """

    def __init__(self, terminal_fd: int) -> None:
        self._terminal_fd = terminal_fd
        self._own_fd, self.child_fd = pty.openpty()
        os.set_blocking(self._own_fd, False)
        termios.tcsetattr(self.child_fd, termios.TCSANOW, termios.tcgetattr(terminal_fd))
        self.resize()
        self._output = Handover(batch_bytes=_BATCH_BYTES, batch_s=_BATCH_S)
        self._closing = False

    def resize(self) -> None:
        """Take over the size of the terminal."""
        if self._own_fd >= 0:
            size = fcntl.ioctl(self._terminal_fd, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._own_fd, termios.TIOCSWINSZ, size)

    def command_started(self) -> None:
        """Close the end that the command has inherited."""
        os.close(self.child_fd)
        self.child_fd = -1

    def finish(self) -> None:
        """Let ``read`` return as soon as nothing is left to read."""
        self._closing = True

    def read(self) -> None:
        """Read until the command has closed its end, or ``finish``. Blocking.

        While it is not shown, the command is held up as by any slow terminal.
        """
        try:
            while (data := self._read()) is not None and self._output.put(data):
                pass
        finally:
            self._output.end()
            # As the terminal itself does when it goes away; else a writer would wait for ever.
            self.close()

    def show(self, show: Callable[[bytes, bytes], None]) -> None:
        """Give ``show`` what was read: finished lines, and how the unfinished one stands. Blocking.

        Returns when all is shown, or when ``show`` fails with OSError: the terminal has gone.
        """
        lines = LineFilter()
        try:
            while (data := self._output.take()) is not None:
                show(lines.feed(data), lines.pending)
            show(lines.finish(), b"")
        except OSError:
            self._output.end()

    def close(self) -> None:
        """Close both ends. Harmless when repeated."""
        for fd in (self.child_fd, self._own_fd):
            if fd >= 0:
                os.close(fd)
        self.child_fd = self._own_fd = -1

    def _read(self) -> bytes | None:
        """Return what there is, nothing after a while of silence, ``None`` at the end."""
        closing = self._closing
        data = self._read_now()
        if data != b"":
            return data
        if closing:
            return None
        select.select([self._own_fd], [], [], _BATCH_S)
        return b""

    def _read_now(self) -> bytes | None:
        """Return what there is, be it nothing; ``None`` at the end."""
        try:
            return os.read(self._own_fd, _READ_BYTES) or None
        except BlockingIOError:
            return b""
        except OSError:
            # EIO: no process has the child's end open any more.
            return None
