"""A pseudo-terminal for the command's output, so that it can scroll past a live display."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from memstat.proc.terminal_readers import Waiting
from memstat.terminal.handover import Handover
from memstat.terminal.modes import LinkedModes, foreground_group, without_stopping

_READ_BYTES: Final = 1 << 14
_INPUT_BYTES: Final = 256
_BATCH_BYTES: Final = 1 << 19
_BATCH_S: Final = 0.05
_CATCH_UP_S: Final = 1.0


class TerminalRelay:
    """``child_fd`` is the command's output; the other end is read here.

    The pseudo-terminal has the modes and the size of the terminal of the display; where the command
    changes the modes of one, the other follows.
    """

    def __init__(self, terminal_fd: int) -> None:
        self._terminal_fd = terminal_fd
        self._own_fd, self.child_fd = pty.openpty()
        self.device = os.fstat(self.child_fd).st_rdev
        """Its device number."""
        os.set_blocking(self._own_fd, False)
        self._modes = LinkedModes(terminal_fd, self._own_fd)
        self.on_resize: Callable[[], object] = lambda: None
        """Is called when it has a new size."""
        self._size = b""
        self._resizing = threading.Lock()
        self.follow_size()
        self._output = Handover(batch_bytes=_BATCH_BYTES, batch_s=_BATCH_S)
        self._silence = threading.Event()
        """Set when nothing was left to read, at a time after it was made."""
        self._closing = False
        self._passes_input = False

    def follow_reader(self, waiting: Waiting, *, occupied: bool) -> None:
        """Pass on what is typed, once a process reads it here and not from the terminal.

        Until it has finished: between two keys it does not wait.
        """
        if waiting is Waiting.READS_RELAY:
            self._passes_input = True
        elif waiting is Waiting.READS or not occupied:
            self._passes_input = False

    def follow_size(self) -> None:
        """Take over the size of the terminal. For any thread."""
        with self._resizing:
            if self._own_fd < 0:
                return
            size = fcntl.ioctl(self._terminal_fd, termios.TIOCGWINSZ, bytes(8))
            if size == self._size:
                return
            fcntl.ioctl(self._own_fd, termios.TIOCSWINSZ, size)
            self._size = size
        self.on_resize()

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

    def show(self, show: Callable[[bytes], None]) -> None:
        """Give ``show`` what was read. Blocking.

        Returns when all is shown, or when ``show`` fails with OSError: the terminal has gone.
        """
        try:
            while (data := self._output.take()) is not None:
                show(data)
        except OSError:
            self._output.end()

    def catch_up(self) -> None:
        """Wait until what the command has printed by now is shown. Blocking.

        Only for a moment where there is no end of it: another process may print all the time.
        """
        until_s = time.monotonic() + _CATCH_UP_S
        self._silence = silence = threading.Event()
        if not self._output.ended and silence.wait(_CATCH_UP_S):
            self._output.wait_until_all_taken(until_s - time.monotonic())

    def close(self) -> None:
        """Close both ends. Harmless when repeated."""
        with self._resizing:
            for fd in (self.child_fd, self._own_fd):
                if fd >= 0:
                    os.close(fd)
            self.child_fd = self._own_fd = -1

    def _read(self) -> bytes | None:
        """Return what there is, nothing after a while of silence, ``None`` at the end."""
        closing, silence = self._closing, self._silence
        data = self._read_now()
        # After the read: what was written before the modes changed is of the old ones, and at the
        # end the command has restored them.
        self._modes.follow()
        # At once: a program that heeds SIGWINCH and finds the size unchanged does not draw anew.
        with suppress(OSError):
            self.follow_size()
        self._output.batch_s = 0.0 if self._modes.is_interactive else _BATCH_S
        if data != b"":
            return data
        silence.set()
        if closing:
            return None
        wanted = [self._own_fd, self._terminal_fd] if self._passes_input else [self._own_fd]
        readable, _, _ = select.select(wanted, [], [], _BATCH_S)
        if self._terminal_fd in readable:
            self._pass_input()
        return b""

    def _pass_input(self) -> None:
        if foreground_group(self._terminal_fd) != os.getpgrp():
            return
        try:
            with without_stopping():
                os.write(self._own_fd, os.read(self._terminal_fd, _INPUT_BYTES))
        except OSError:
            # It may not be read; or the reader takes no more.
            self._passes_input = False

    def _read_now(self) -> bytes | None:
        """Return what there is, be it nothing; ``None`` at the end."""
        try:
            return os.read(self._own_fd, _READ_BYTES) or None
        except BlockingIOError:
            return b""
        except OSError:
            # EIO: no process has the child's end open any more.
            return None
