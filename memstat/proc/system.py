"""The system's functions as they were when memstat was imported, whatever a program replaces later.

A test may fake the file system (pyfakefs), the clock (freezegun), or single functions of ``os``.
Such tools replace the attributes of ``os`` and ``time``, and what modules have imported from them.
They do not reach the attributes of a class.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import time
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_READ_BYTES: Final = 1 << 14


class _System:
    """What measuring needs while another program's code runs in the same process."""

    close = staticmethod(os.close)
    fstat = staticmethod(os.fstat)
    getpid = staticmethod(os.getpid)
    getrusage = staticmethod(resource.getrusage)
    ioctl = staticmethod(cast("Callable[[int, int, bytearray], object]", fcntl.ioctl))
    kill = staticmethod(os.kill)
    killpg = staticmethod(os.killpg)
    open = staticmethod(os.open)
    pidfd_open = staticmethod(os.pidfd_open)
    pidfd_send_signal = staticmethod(signal.pidfd_send_signal)
    pipe = staticmethod(os.pipe)
    poll = staticmethod(select.poll)
    posix_spawnp = staticmethod(os.posix_spawnp)
    pread = staticmethod(os.pread)
    read = staticmethod(os.read)
    sched_yield = staticmethod(os.sched_yield)
    set_blocking = staticmethod(os.set_blocking)
    waitid = staticmethod(os.waitid)
    waitpid = staticmethod(os.waitpid)
    write = staticmethod(os.write)
    _clock_gettime = staticmethod(time.clock_gettime)

    def monotonic_s(self) -> float:
        """Return CLOCK_MONOTONIC in seconds. Tools that travel in time leave this call alone."""
        return self._clock_gettime(_CLOCK_MONOTONIC)

    def unix_time_s(self) -> float:
        """Return CLOCK_REALTIME in seconds, likewise."""
        return self._clock_gettime(_CLOCK_REALTIME)

    def identity(self, fd: int) -> tuple[int, int] | None:
        """Return what a descriptor refers to; ``None`` when it is closed.

        A program may close descriptors that are not its own, and open other files in their place.
        """
        try:
            status = self.fstat(fd)
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def read_file(self, path: str) -> bytes:
        """Return the whole text of a file of ``/proc``. Raises OSError."""
        fd = self.open(path, _READ_ONLY)
        try:
            text = self.read(fd, _READ_BYTES)
            # Only a text that fills the buffer may go on: status does, for members of many groups.
            if len(text) == _READ_BYTES:
                while chunk := self.read(fd, _READ_BYTES):
                    text += chunk
            return text
        finally:
            self.close(fd)

    def write_file(self, path: str, data: bytes) -> None:
        """Write to a file that exists. Raises OSError."""
        fd = self.open(path, _WRITE_ONLY)
        try:
            self.write(fd, data)
        finally:
            self.close(fd)


_CLOCK_MONOTONIC: Final = time.CLOCK_MONOTONIC
_CLOCK_REALTIME: Final = time.CLOCK_REALTIME
_READ_ONLY: Final = os.O_RDONLY | os.O_CLOEXEC
_WRITE_ONLY: Final = os.O_WRONLY | os.O_CLOEXEC

system: Final = _System()
