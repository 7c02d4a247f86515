"""A process that does nothing but be a member of a process group: the kernel shows its signals.

It blocks all signals, so those that were sent to its group stay pending, and can be read.
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from typing import Final

from memstat.proc.environment import inherited_descriptors
from memstat.proc.signals import open_pidfd

_STATUS_BYTES: Final = 1 << 20
"""More than the longest ``status``: one read takes it all."""


class Bystander:
    """A member of a process group, a child of this process. Each call blocks, from any thread.

    Raises OSError when it cannot be started.
    """

    def __init__(self, group: int) -> None:
        program = _find_cat()
        if program is None:
            raise FileNotFoundError("cat: command not found")
        reading, self._writing = os.pipe()
        self._status = -1
        try:
            self.pid = _spawn(program, group, reading)
            self._pidfd = open_pidfd(self.pid)
            try:
                self._status = os.open(f"/proc/{self.pid}/status", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                self.close()
                raise
        except OSError:
            self._close_pipe()
            raise
        finally:
            os.close(reading)

    def pending(self) -> frozenset[int] | None:
        """Return the signals that it was sent so far; ``None`` when it has ended.

        ``ShdPnd`` in ``status`` (proc_pid_status(5)).
        """
        try:
            status = os.pread(self._status, _STATUS_BYTES, 0)
        except OSError:
            return None
        mask = re.search(rb"^ShdPnd:\t([0-9a-f]+)$", status, re.MULTILINE)
        if mask is None or b"\nState:\tZ" in status:
            return None
        bits = int(mask[1], 16)
        return frozenset(n for n in range(1, signal.NSIG) if bits >> (n - 1) & 1)

    def close(self) -> None:
        """End it and wait for its end."""
        with suppress(ProcessLookupError):
            if self._pidfd is None:
                os.kill(self.pid, signal.SIGKILL)
            else:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        # The program around us may have waited for it.
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        for fd in (self._pidfd, self._status):
            if fd is not None and fd >= 0:
                os.close(fd)
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1


def _find_cat() -> str | None:
    """Return the path of the system's own, whatever PATH says: not by shutil, slow to load."""
    paths = (f"{directory}/cat" for directory in os.defpath.split(os.pathsep))
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _spawn(program: str, group: int, stdin: int) -> int:
    """Start what ends by itself when this process does: at the end of its stdin."""
    null = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    actions = [
        (os.POSIX_SPAWN_DUP2, stdin, 0),
        null,
        (os.POSIX_SPAWN_DUP2, 1, 2),
        *[(os.POSIX_SPAWN_CLOSE, fd) for fd in inherited_descriptors()],
    ]
    return os.posix_spawn(
        program,
        ["cat"],
        {},
        file_actions=actions,
        setpgroup=group,
        setsigmask=signal.valid_signals(),
    )
