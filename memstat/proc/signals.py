"""Signals for one process, never for another that got its PID."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from enum import Enum, auto

from memstat.errors import UnreadableProcess
from memstat.model import Identity, ProcessKey
from memstat.proc.source import ProcSource, identify_if_readable


class Delivery(Enum):
    """What became of a signal."""

    SENT = auto()
    ENDED = auto()
    """The process has ended."""
    NOT_PERMITTED = auto()
    """The process may not be signalled: it runs as another user (kill(2))."""


def is_alive(source: ProcSource, key: ProcessKey) -> bool:
    """Whether this very process still runs; a zombie does not.

    One that cannot be read is taken for alive: to wait for it once more does less harm.
    """
    try:
        return _is_running(source.identify(key.pid), key)
    except UnreadableProcess:
        return True


def _is_running(identity: Identity | None, key: ProcessKey) -> bool:
    return identity is not None and identity.start_ticks == key.start_ticks and identity.is_alive


class SignalTarget:
    """One process to send signals to.

    Creating one reads ``/proc``, sending does not: from then on a pidfd (pidfd_open(2)) refers to
    the process. Without pidfds, before Linux 5.3 and in some sandboxes, each signal reads it.
    """

    def __init__(self, source: ProcSource, key: ProcessKey, *, is_own_child: bool = False) -> None:
        """Refer to a process; a child of ours that was not waited for needs no check."""
        self.key = key
        self._source = source
        self._pidfd = open_pidfd(key.pid)
        # Opened before the check, the pidfd cannot come to refer to another process.
        if self._pidfd is not None and not is_own_child and not self._is_certain():
            self.close()

    def send(self, signum: int) -> Delivery:
        """Send a signal; with signal 0 only find out what would become of one."""
        try:
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, signum)
            elif self._is_certain():
                os.kill(self.key.pid, signum)
            else:
                return Delivery.ENDED
        except ProcessLookupError:
            return Delivery.ENDED
        except PermissionError:
            return Delivery.NOT_PERMITTED
        return Delivery.SENT

    def _is_certain(self) -> bool:
        """Whether its PID is known to be its own still: another process must get no signal."""
        return _is_running(identify_if_readable(self._source, self.key.pid), self.key)

    def close(self) -> None:
        """Close the pidfd. Harmless when repeated."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


def send_signal(source: ProcSource, key: ProcessKey, signum: int) -> Delivery:
    """Send one signal."""
    with closing(SignalTarget(source, key)) as target:
        return target.send(signum)


def open_pidfd(pid: int) -> int | None:
    """Return a descriptor that is readable once the process has ended; ``None`` without one.

    pidfd_open(2): kernels before 5.3 and some sandboxes refuse it.
    """
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
