"""A sidecar process and the pipes to it, read on demand. It starts no thread."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from memstat.errors import SidecarError
from memstat.model import ProcessKey
from memstat.proc.ending import OtherProcess, time_if_asleep
from memstat.proc.own import key_of
from memstat.proc.owned_fd import OwnedFd
from memstat.proc.system import system
from memstat.sidecars import protocol
from memstat.sidecars.interpreter import SleepWatch
from memstat.sidecars.launch import spawn
from memstat.text import printable, signal_name

_END_WAIT_S: Final = 5.0
"""How long to wait for a process that is about to end."""
_LOOK_S: Final = 0.05
"""How often to look at a program that has not said hello."""
_LONGEST_SLEEP_S: Final = 0.5
_LONGEST_SLEEP_CHOSEN_S: Final = 5.0
"""How long it may sleep, where a person has named it: its disk may be a slow network."""
_READ_BYTES: Final = 1 << 16
_STDERR_LINES: Final = 20
_SIGKILL: Final = 9
_FORWARD: Final = select.POLLIN


class SidecarProcess:
    """A sidecar that has been started: constructing one starts it.

    Raises SidecarError when the process cannot be started.
    """

    def __init__(self, python: str | None = None) -> None:
        self.has_closed_log = False
        """Whether the log has been read to its end."""
        self.has_read_all = False
        """Whether the other end of the log was closed, rather than this one."""
        self._stderr_tail: deque[bytes] = deque(maxlen=_STDERR_LINES)
        self._unfinished = b""
        self._launched = spawn(python)
        self._is_launching = True
        self._launch_status: int | None = None
        self._sidecar: OtherProcess | None = None
        self._requests = OwnedFd(self._launched.requests_fd)
        self._log = OwnedFd(self._launched.log_fd)

    @property
    def launcher_pid(self) -> int:
        """PID of the child that starts it, and which has ended when the sidecar says hello."""
        return self._launched.pid

    @property
    def key(self) -> ProcessKey | None:
        """The sidecar; ``None`` before it has said hello."""
        return None if self._sidecar is None else self._sidecar.key

    def await_hello(self, patience_s: float) -> None:
        """Wait until it says that it is a sidecar. Raises SidecarError, at once where it is none.

        Anything may be started as an interpreter, and some programs ignore their arguments.
        """
        interpreter = self._launched.interpreter
        until_s = system.monotonic_s() + patience_s
        watch = SleepWatch(_LONGEST_SLEEP_CHOSEN_S if interpreter.is_chosen else _LONGEST_SLEEP_S)
        while not self._take_hello():
            self.wait(_LOOK_S)
            now_s = system.monotonic_s()
            if self.has_closed_log:
                raise SidecarError(f"{self.describe_end()}; {interpreter.advice()}")
            if watch.observe(time_if_asleep(self.launcher_pid), now_s) or now_s > until_s:
                raise SidecarError(f"the sidecar does not answer; {interpreter.advice()}")
        self._end_launch()

    def write(self, line: bytes) -> None:
        """Write a line to its stdin. A sidecar that has ended is no error: its log says why."""
        with suppress(OSError):
            if self._requests.is_open:
                system.write(self._requests.number, line)

    def wait(self, timeout_s: float, until_closed: int | None = None) -> None:
        """Wait until there is something to read, ``timeout_s`` at most.

        Or until a descriptor, the end of a pipe to be read, is closed at its other end.
        """
        poll = system.poll()
        poll.register(self._log.number, _FORWARD)
        if until_closed is not None:
            poll.register(until_closed, _FORWARD)
        poll.poll(1000 * timeout_s)

    def messages(self) -> list[Mapping[str, Any]]:
        """Return the messages of the log that have come; does not wait."""
        found = []
        for line in self._lines():
            message = protocol.decode(line)
            if message is None:
                self._stderr_tail.append(line)
            else:
                found.append(message)
        return found

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        if self._sidecar is not None:
            self._sidecar.kill()
        elif self._is_launching:
            # Until it is waited for, no other group can have its number.
            with suppress(OSError):
                system.killpg(self.launcher_pid, _SIGKILL)

    def close(self) -> None:
        """Close the pipes, and wait until it has ended, 10 s at most."""
        self._close_pipes()
        self._end_launch()
        if self._sidecar is not None:
            if not self._sidecar.has_ended(_END_WAIT_S):
                self._sidecar.kill()
                self._sidecar.has_ended(_END_WAIT_S)
            self._sidecar.reap()
            self._sidecar.close()

    def disown(self) -> None:
        """Close the copies of the descriptors in a forked process."""
        self._close_pipes()
        self._is_launching = False
        if self._sidecar is not None:
            self._sidecar.close()

    def describe_end(self) -> str:
        """Return how a sidecar ended that should not have."""
        if not (self._requests.is_open and self._log.is_open):
            return "the program has closed the descriptors of the sidecar"
        status = self._status()
        if status is not None and os.WIFSIGNALED(status):
            return f"the sidecar was killed by {signal_name(os.WTERMSIG(status))}"
        last_line = printable((self._stderr_tail or [b""])[-1].decode("utf-8", "replace"))
        if not last_line:
            last_line = "killed" if status is None else f"exit status {status >> 8}"
        return f"the sidecar ended too early: {last_line}"

    def _take_hello(self) -> bool:
        for message in self.messages():
            match message:
                case {"kind": "hello", "pid": int(pid), "start_ticks": int(start_ticks)}:
                    self._sidecar = OtherProcess(ProcessKey(pid, start_ticks))
        return self._sidecar is not None

    def _end_launch(self) -> None:
        """Wait for the child that started it; it has ended, or is about to."""
        if not self._is_launching:
            return
        if self._sidecar is None and not self._is_ending():
            self.kill()
        self._is_launching = False
        # It fails where the program waits for all its children, or ignores SIGCHLD.
        with suppress(ChildProcessError):
            _, self._launch_status = system.waitpid(self.launcher_pid, 0)

    def _is_ending(self) -> bool:
        """Whether the child has closed its output and then ends by itself."""
        key = key_of(self.launcher_pid) if self.has_read_all else None
        if key is None:
            return False
        launcher = OtherProcess(key)
        try:
            return launcher.has_ended(_END_WAIT_S)
        finally:
            launcher.close()

    def _status(self) -> int | None:
        if self._sidecar is None:
            self._end_launch()
            return self._launch_status
        return self._sidecar.reap() if self._sidecar.has_ended(_END_WAIT_S) else None

    def _close_pipes(self) -> None:
        self._requests.close()
        self._log.close()
        self.has_closed_log = True

    def _lines(self) -> list[bytes]:
        lines: list[bytes] = []
        while not self.has_closed_log:
            try:
                if not self._log.is_open:
                    self.has_closed_log = True
                    break
                data = system.read(self._log.number, _READ_BYTES)
            except BlockingIOError:
                break
            self.has_closed_log = self.has_read_all = not data
            *more, self._unfinished = (self._unfinished + data).split(b"\n")
            lines += more
        return lines
