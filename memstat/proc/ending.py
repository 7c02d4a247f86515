"""Processes that this one started and which need not be its children: whether and how they end."""

from __future__ import annotations

import errno
import os
import signal
import struct
from functools import partial
from typing import Final

from memstat.model import ProcessKey
from memstat.proc.own import key_of
from memstat.proc.owned_fd import OwnedFd
from memstat.proc.system import system

NAME_FILE: Final = "/proc/self/comm"
"""A process writes the name here that others see of it (proc_pid_comm(5))."""

_GET_INFO: Final = 0xC040FF0B
_INFO_EXIT: Final = 1 << 3
_INFO: Final = struct.Struct("QQ3I8Ii")
"""PIDFD_GET_INFO of the kernel's include/uapi/linux/pidfd.h, since 6.13; the exit since 6.15."""
_ASLEEP: Final = b"S"


class OtherProcess:
    """A process by its PID and start time, never another one that got its PID.

    >>> own = OtherProcess(key_of(os.getpid()))
    >>> own.has_ended(0)
    False
    >>> own.close()
    """

    def __init__(self, key: ProcessKey) -> None:
        self.key = key
        self._wait_status: int | None = None
        self._opened = _open_pidfd(key.pid)
        if self._pidfd is not None and key_of(key.pid) != key:
            # It has ended, and the descriptor may refer to another process.
            self.close()

    @property
    def _pidfd(self) -> int | None:
        """The pidfd, unless the program has closed it."""
        if self._opened is None or not self._opened.is_open:
            return None
        return self._opened.number

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        pidfd = self._pidfd
        try:
            if pidfd is not None:
                system.pidfd_send_signal(pidfd, _SIGKILL)
            elif key_of(self.key.pid) == self.key:
                system.kill(self.key.pid, _SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def has_ended(self, timeout_s: float) -> bool:
        """Wait until it has ended; return whether it has. Without pidfds, do not wait."""
        pidfd = self._pidfd
        if pidfd is None:
            return key_of(self.key.pid) != self.key
        poll = system.poll()
        poll.register(pidfd)
        return bool(poll.poll(1000 * timeout_s))

    def reap(self) -> int | None:
        """Return the wait status of a process that has ended; ``None`` where it is not known.

        Init or a subreaper has adopted it. If that is this process, it is waited for.
        """
        for find in (self._wait, partial(_status_of_zombie, self.key), self._info):
            if self._wait_status is None:
                self._wait_status = find()
        return self._wait_status

    def close(self) -> None:
        """Close the pidfd. Harmless when repeated."""
        if self._opened is not None:
            self._opened.close()

    def _wait(self) -> int | None:
        pidfd = self._pidfd
        if pidfd is None:
            return None
        try:
            ended = system.waitid(_P_PIDFD, pidfd, _ENDED)
        except OSError:
            return None
        if ended is None:
            return None
        is_exit = ended.si_code == _CLD_EXITED
        return ended.si_status << 8 if is_exit else ended.si_status

    def _info(self) -> int | None:
        """Return the status that the kernel keeps for holders of a pidfd after the reaping."""
        pidfd = self._pidfd
        if pidfd is None:
            return None
        info = bytearray(_INFO.pack(_INFO_EXIT, *[0] * 13))
        try:
            system.ioctl(pidfd, _GET_INFO, info)
        except OSError:
            return None
        mask, *_, status = _INFO.unpack(info)
        return int(status) if mask & _INFO_EXIT else None


_SIGKILL: Final = signal.SIGKILL
_P_PIDFD: Final = os.P_PIDFD
_ENDED: Final = os.WEXITED | os.WNOHANG
_CLD_EXITED: Final = os.CLD_EXITED


def _open_pidfd(pid: int) -> OwnedFd | None:
    try:
        return OwnedFd(system.pidfd_open(pid))
    except OSError:
        return None


def _status_of_zombie(key: ProcessKey) -> int | None:
    if key_of(key.pid) != key:
        return None
    try:
        fields = system.read_file(f"/proc/{key.pid}/stat").rpartition(b")")[2].split()
    except OSError:
        return None
    # The last field, exit_code: readable for the same user.
    return int(fields[49]) if fields[0] == b"Z" and len(fields) > 49 else None


def time_if_asleep(pid: int) -> int | None:
    """Return the CPU time of a process in clock ticks if it sleeps now; ``None`` if it does not."""
    try:
        fields = system.read_file(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESRCH):
            raise
        return None
    return int(fields[11]) + int(fields[12]) if fields[0] == _ASLEEP else None
