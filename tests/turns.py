"""Tests in several processes at a time (pytest-xdist), and a few that run alone.

Each test holds a lock, shared with all tests of all workers. A test marked ``alone`` holds it
without the others: for its time, no other test runs.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turns:
    """Locks that all workers of a test run open in one directory; see flock(2)."""

    def __init__(self, directory: Path) -> None:
        self._lock = _open(directory / "running")
        self._queue = _open(directory / "waiting")

    @contextmanager
    def turn(self, *, alone: bool) -> Iterator[None]:
        """Wait for a turn, beside others or alone, and have it inside the block."""
        # A test that is to be alone keeps its place in the queue while it waits: were there none,
        # others would start again and again before the last of them has ended.
        with _held(self._queue, fcntl.LOCK_EX):
            fcntl.flock(self._lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        try:
            yield
        finally:
            # Unlocked, and not closed: a process that the test has forked may have it open too.
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._lock)
        os.close(self._queue)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _held(fd: int, operation: int) -> Iterator[None]:
    fcntl.flock(fd, operation)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
