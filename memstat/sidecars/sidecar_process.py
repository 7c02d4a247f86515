"""A sidecar process, its pipes and the thread that reads its log."""

from __future__ import annotations

import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from memstat.sidecars import protocol
from memstat.sidecars.launch import spawn
from memstat.text import printable, signal_name

_END_WAIT_S: Final = 5.0
"""How long to wait for a process or a thread that is about to end."""
_READ_BYTES: Final = 1 << 16
_STDERR_LINES: Final = 20


class SidecarProcess:
    """A sidecar that has been started: constructing one starts it.

    A thread of its own passes each message of the log to ``on_message``, and calls ``on_end`` after
    the last one. Constructing raises SidecarError when the process cannot be started.
    """

    def __init__(
        self, on_message: Callable[[Mapping[str, Any]], None], on_end: Callable[[], None]
    ) -> None:
        self.has_closed_log = False
        """Whether the log has been read to its end."""
        self._stderr_tail: deque[bytes] = deque(maxlen=_STDERR_LINES)
        self._popen = spawn()
        self._listener = threading.Thread(
            target=self._listen, args=(on_message, on_end), name="memstat sidecar", daemon=True
        )
        try:
            self._listener.start()
        except BaseException:
            self.kill()
            self._exit_status()
            self._close_pipes()
            raise

    @property
    def pid(self) -> int:
        """PID of the sidecar."""
        return self._popen.pid

    def write(self, line: bytes) -> None:
        """Write a line to its stdin. A sidecar that has ended is no error: its log says why."""
        # Popen was asked for a pipe.
        assert self._popen.stdin is not None
        with suppress(OSError):
            self._popen.stdin.write(line)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self._popen.kill()

    def close(self) -> None:
        """Wait until process and thread have ended, 10 s at most, and close the pipes."""
        self._listener.join(_END_WAIT_S)
        self._exit_status()
        # The number of a descriptor that is still being read must not be used for another file.
        if not self._listener.is_alive():
            self._close_pipes()

    def disown(self) -> None:
        """Close the copies of the pipes in a forked process, which is not the parent of this."""
        self._close_pipes()
        # Popen must neither wait for it nor warn that it is still running.
        self._popen.returncode = 0

    def describe_end(self) -> str:
        """Return how a sidecar ended that should not have."""
        status = self._exit_status()
        if status is not None and status < 0:
            return f"the sidecar was killed by {signal_name(-status)}"
        last_line = printable((self._stderr_tail or [b""])[-1].decode("utf-8", "replace"))
        return f"the sidecar ended too early: {last_line or f'exit status {status}'}"

    def _exit_status(self) -> int | None:
        try:
            return self._popen.wait(_END_WAIT_S)
        except subprocess.TimeoutExpired:
            return None

    def _close_pipes(self) -> None:
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()

    def _listen(
        self, on_message: Callable[[Mapping[str, Any]], None], on_end: Callable[[], None]
    ) -> None:
        try:
            for line in self._lines():
                message = protocol.decode(line)
                if message is None:
                    self._stderr_tail.append(line)
                else:
                    on_message(message)
        finally:
            self.has_closed_log = True
            on_end()

    def _lines(self) -> Iterator[bytes]:
        assert self._popen.stdout is not None
        unfinished = b""
        while data := os.read(self._popen.stdout.fileno(), _READ_BYTES):
            *lines, unfinished = (unfinished + data).split(b"\n")
            yield from lines
