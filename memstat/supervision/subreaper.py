"""Adopting orphans: ``PR_SET_CHILD_SUBREAPER`` of prctl(2)."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36
_PR_GET_CHILD_SUBREAPER: Final = 37


@contextmanager
def child_subreaper(*, enabled: bool) -> Iterator[None]:
    """Let orphaned descendants become children of this process, not of init, inside the block."""
    if not enabled or _is_subreaper():
        yield
        return
    _set_subreaper(1)
    try:
        yield
    finally:
        _set_subreaper(0)


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
