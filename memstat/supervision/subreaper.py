"""The switch that makes orphans children of this process: ``PR_SET_CHILD_SUBREAPER``, prctl(2)."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_GET_CHILD_SUBREAPER: Final = 37


class _Subreaper:
    """The switch of this process: the first user turns it on, the last turns it off.

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
def child_subreaper() -> Iterator[None]:
    """Let orphaned descendants become children of this process, not of init, inside the block."""
    _subreaper.acquire()
    try:
        yield
    finally:
        _subreaper.release()


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
