"""Tests in several processes at a time (pytest-xdist), and a few that need the machine to be calm.

Each test holds a lock for its time, shared with all tests of its kind in all workers, and begins
when no test that it may not run beside holds one. A test marked ``calm`` runs only beside others
that are marked so, and one marked ``alone`` beside none.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path


class Company(Enum):
    """Which tests may run at the same time as one; in the order in which they are to run."""

    ANY = "any"
    CALM = "calm"
    NONE = "none"


class Turns:
    """Locks that all workers of a test run open in one directory; see flock(2)."""

    def __init__(self, directory: Path) -> None:
        self._running = {
            kind: _open(directory / kind.value) for kind in (Company.ANY, Company.CALM)
        }
        self._queue = _open(directory / "waiting")
        self._kept: Company | None = None

    @contextmanager
    def turn(self, company: Company, following: Company | None = None) -> Iterator[None]:
        """Wait for a turn, beside others or alone, and have it inside the block.

        It is kept for the test that follows in this worker when that is of the same kind. So calm
        tests begin once all workers have come to theirs: one that had a test of another kind left
        would hold up all others for it.
        """
        if self._kept is not company:
            self._wait_for(company)
        try:
            yield
        finally:
            self._kept = company if following is company else None
            if self._kept is None:
                # Not closed: a process that the test has forked may have it open too.
                for lock in self._running.values():
                    fcntl.flock(lock, fcntl.LOCK_UN)

    def _wait_for(self, company: Company) -> None:
        # A test that is to be without others keeps its place in the queue while it waits: were
        # there none, others would start again and again before the last of them has ended.
        with _held(self._queue, fcntl.LOCK_EX):
            for kind, lock in self._running.items():
                if kind is company:
                    fcntl.flock(lock, fcntl.LOCK_SH)
                    continue
                fcntl.flock(lock, fcntl.LOCK_EX)
                if company is not Company.NONE:
                    fcntl.flock(lock, fcntl.LOCK_UN)

    def close(self) -> None:
        for lock in (self._queue, *self._running.values()):
            os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _held(fd: int, operation: int) -> Iterator[None]:
    fcntl.flock(fd, operation)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
