"""Waiting for an instant to within some microseconds.

Event loops wait for whole milliseconds, rounded up (epoll_wait(2)): of ticks that are a millisecond
apart, every seventh was missed.
"""

from __future__ import annotations

import ctypes
import os
import time
from functools import cache
from typing import Final

import anyio
import anyio.lowlevel

# <sys/timerfd.h>
_TFD_CLOEXEC: Final = os.O_CLOEXEC
_TFD_NONBLOCK: Final = os.O_NONBLOCK


class _ItimerSpec(ctypes.Structure):
    _fields_ = [
        ("repeat_s", ctypes.c_long),
        ("repeat_ns", ctypes.c_long),
        ("delay_s", ctypes.c_long),
        ("delay_ns", ctypes.c_long),
    ]


class Alarm:
    """A timer of the kernel (timerfd_create(2)). Raises OSError when there can be none."""

    def __init__(self) -> None:
        self._fd: int = _libc().timerfd_create(time.CLOCK_MONOTONIC, _TFD_CLOEXEC | _TFD_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    async def wait(self, delay_s: float) -> None:
        """Wait for so many seconds; without any, let other tasks run."""
        if delay_s <= 0:
            await anyio.lowlevel.checkpoint()
            return
        whole_s = int(delay_s)
        # A delay of 0 would switch it off. To set it anew makes it unreadable until it is due.
        delay = _ItimerSpec(0, 0, whole_s, max(1, int((delay_s - whole_s) * 1e9)))
        _libc().timerfd_settime(self._fd, 0, ctypes.byref(delay), None)
        await anyio.wait_readable(self._fd)

    def close(self) -> None:
        os.close(self._fd)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
