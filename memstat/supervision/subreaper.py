"""Adopting orphans: ``PR_SET_CHILD_SUBREAPER`` of prctl(2)."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from memstat.model import ProcessKey

_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_GET_CHILD_SUBREAPER: Final = 37


class _Subreaper:
    """The switch of this process: the first who wants it turns it on, the last turns it off.

    It stays on where it was on before.
    """

    def __init__(self) -> None:
        self._users = 0
        self._was_on = False
        self._lock = threading.Lock()

    def acquire(self) -> None:
        with self._lock:
            if self._users == 0:
                self._was_on = _is_subreaper()
                _set_subreaper(1)
            self._users += 1

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and not self._was_on:
                _set_subreaper(0)


_subreaper: Final = _Subreaper()


@contextmanager
def child_subreaper(*, enabled: bool) -> Iterator[None]:
    """Let orphaned descendants become children of this process, not of init, inside the block."""
    if not enabled:
        yield
        return
    _subreaper.acquire()
    try:
        yield
    finally:
        _subreaper.release()


class Commands:
    """The commands that this program has under supervision. Any thread may ask.

    They are children of this process as orphans of a tree are once it has adopted them: who adopts
    must be able to tell them apart.
    """

    def __init__(self) -> None:
        self._pids: set[int] = set()
        self._starting = 0
        self._settled = threading.Condition()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Around the start of a command, up to ``add``: nobody can tell its PID meanwhile."""
        with self._settled:
            self._starting += 1
        try:
            yield
        finally:
            with self._settled:
                self._starting -= 1
                self._settled.notify_all()

    def add(self, pid: int) -> None:
        self._pids.add(pid)

    def discard(self, pid: int) -> None:
        self._pids.discard(pid)

    def include(self, pid: int) -> bool:
        """Whether a child of this process is one of them. Waits while one is being started."""
        with self._settled:
            self._settled.wait_for(lambda: self._starting == 0)
            return pid in self._pids


COMMANDS: Final = Commands()


class NotOrphans:
    """Children of this process that no tree lost: what it had before, and its other commands."""

    def __init__(self, children_before: frozenset[ProcessKey]) -> None:
        self._children_before = children_before

    def __contains__(self, key: object) -> bool:
        return isinstance(key, ProcessKey) and (
            key in self._children_before or COMMANDS.include(key.pid)
        )


def _is_subreaper() -> bool:
    value = ctypes.c_int()
    _prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(value))
    return bool(value.value)


def _set_subreaper(value: int) -> None:
    _prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(value))


def _prctl(option: int, argument: object) -> None:
    zero = ctypes.c_ulong(0)
    if ctypes.CDLL(None, use_errno=True).prctl(option, argument, zero, zero, zero) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "prctl")
