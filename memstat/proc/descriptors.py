"""How many descriptors may stay open, within RLIMIT_NOFILE (``getrlimit(2)``)."""

from __future__ import annotations

import errno
import os
import resource
import threading
from contextlib import suppress
from typing import Final

from memstat.errors import TooManyDescriptors

_RESERVE: Final = 64
"""Left for the event loop, redirections, listings and short reads."""


class DescriptorBudget:
    """Counts what readers hold open, and says when they should open and close per read instead."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._lock = threading.Lock()

    def take(self) -> None:
        with self._lock:
            self.held += 1

    def give_back(self) -> None:
        with self._lock:
            self.held -= 1

    @property
    def is_ample(self) -> bool:
        """Whether there is room for descriptors that only save time."""
        return 2 * self.held < self.limit

    @property
    def exceeded(self) -> bool:
        return self.held > self.limit


def available_descriptors() -> int:
    """Return how many descriptors readers may hold under the present soft limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        soft = 1 << 20
    # Half, since the program around us may want as many itself.
    return max(0, soft - len(os.listdir("/proc/self/fd")) - _RESERVE) // 2


def raise_if_no_descriptor_is_left(failure: Exception) -> None:
    """Raise TooManyDescriptors for a shortage of descriptors; return for any other failure."""
    if isinstance(failure, OSError) and failure.errno in (errno.EMFILE, errno.ENFILE):
        raise TooManyDescriptors(
            "no file descriptor left to read a process with; raise the limit (ulimit -n)"
        ) from failure


def require_descriptors(count: int) -> None:
    """Raise TooManyDescriptors unless so many can be opened."""
    held: list[int] = []
    try:
        while len(held) < count:
            held.append(os.eventfd(0))
    except OSError as error:
        raise TooManyDescriptors(
            f"no room for {count} file descriptors; raise the limit (ulimit -n)"
        ) from error
    finally:
        for fd in held:
            os.close(fd)


def raise_descriptor_limit() -> None:
    """Raise the soft limit of this process to its hard limit. Children started later inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def close_inherited_descriptors() -> None:
    """Close every descriptor above 2. For a program that has opened none itself."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            # The listing's own descriptor is closed already.
            with suppress(OSError):
                os.close(int(name))
