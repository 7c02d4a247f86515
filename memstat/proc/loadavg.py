"""The newest PID, as ``/proc/loadavg`` reports it (proc_loadavg(5))."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Final

from memstat.proc.files import read_file
from memstat.proc.owned_fd import OwnedFd

_PATH: Final = "/proc/loadavg"
_BYTES: Final = 128
"""More than its five fields take."""


class LoadAverage:
    """A file that stays open once it was read: to open it takes longer than to read it.

    It is closed by ``close``, or with this object.
    """

    def __init__(self, *, stays_open: bool) -> None:
        self._stays_open = stays_open
        self._fd = -1
        self._close: Callable[[], object] = lambda: None

    def newest_pid(self) -> int | None:
        """Return the PID that was given last in our PID namespace; ``None`` where it is unknown."""
        try:
            return int(self._read().rpartition(b" ")[2])
        except (OSError, ValueError):
            # The program may have closed it, and have another file of this number.
            self._fd = -1
            return None

    def close(self) -> None:
        """Close it. It can be read on, and is then opened each time."""
        self._stays_open = False
        self._close()

    def _read(self) -> bytes:
        if not self._stays_open:
            return read_file(_PATH)
        if self._fd < 0:
            self._fd = os.open(_PATH, os.O_RDONLY | os.O_CLOEXEC)
            self._close = weakref.finalize(self, OwnedFd(self._fd).close)
        return os.pread(self._fd, _BYTES, 0)
