"""A pseudo-terminal for the command's output, so that it can scroll past a live display."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import termios
import time
from collections.abc import Callable
from typing import Final

from memstat.supervision.lines import LineFilter

_READ_BYTES: Final = 1 << 16
_FLUSH_BYTES: Final = 1 << 19
_FLUSH_S: Final = 0.05


class TerminalRelay:
    """The far end is the command's output; the near end is read by ``pump``.

    The pseudo-terminal has the modes and the size of ``like``, the terminal of the display.
    """

    def __init__(self, like: int) -> None:
        self._like = like
        self._near, self.far = pty.openpty()
        termios.tcsetattr(self.far, termios.TCSANOW, termios.tcgetattr(like))
        self.resize()
        self.lines = LineFilter()
        self._closing = False

    def resize(self) -> None:
        """Take over the size of the terminal."""
        if self._near >= 0:
            size = fcntl.ioctl(self._like, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._near, termios.TIOCSWINSZ, size)

    def command_started(self) -> None:
        """Leave the far end to the command."""
        os.close(self.far)
        self.far = -1

    def finish(self) -> None:
        """Let ``pump`` return as soon as nothing is left to read."""
        self._closing = True

    def pump(self, show: Callable[[bytes, bytes], None]) -> None:
        """Read until the command has closed its end, or ``finish``.

        ``show`` gets finished lines, and how the unfinished one stands. Blocking: while ``show``
        does not return, the command is held up as by any slow terminal. When it fails with OSError,
        the terminal has gone, and the command's own end is closed as that would have been.
        """
        try:
            self._pump(show)
        except OSError:
            self.close()

    def _pump(self, show: Callable[[bytes, bytes], None]) -> None:
        waiting = bytearray()
        flushed_s = time.monotonic()
        while (data := self._read()) is not None:
            waiting += data
            now_s = time.monotonic()
            if len(waiting) >= _FLUSH_BYTES or (waiting and now_s - flushed_s >= _FLUSH_S):
                self._flush(waiting, show)
                flushed_s = now_s
        self._flush(waiting, show)
        show(self.lines.finish(), b"")

    def close(self) -> None:
        """Close both ends. Harmless when repeated."""
        for fd in (self.far, self._near):
            if fd >= 0:
                os.close(fd)
        self.far = self._near = -1

    def _flush(self, waiting: bytearray, show: Callable[[bytes, bytes], None]) -> None:
        if waiting:
            finished = self.lines.feed(bytes(waiting))
            waiting.clear()
            show(finished, self.lines.pending)

    def _read(self) -> bytes | None:
        """Return what there is, nothing after a while of silence, ``None`` at the end."""
        closing = self._closing
        readable, _, _ = select.select([self._near], [], [], 0 if closing else _FLUSH_S)
        if not readable:
            return None if closing else b""
        try:
            return os.read(self._near, _READ_BYTES) or None
        except OSError:
            # EIO: nobody has the far end open any more.
            return None
