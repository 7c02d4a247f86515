"""Whether two processes use one address space: clone(2) with CLONE_VM, as vfork(2) does."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ctypes

_KCMP_VM: Final = 1
_KCMP: Final = {
    "x86_64": 312,
    "aarch64": 272,
    "riscv64": 272,
    "loongarch64": 272,
    "ppc64le": 354,
    "s390x": 343,
}
"""The number of the system call per machine, from the kernel's syscall tables."""
_ORDERS: Final = {0: 0, 1: -1, 2: 1}
"""What kcmp(2) returns: equal, less, greater; 3 is "not equal" where there is no order."""


def shares_address_space(pid: int, other: int) -> bool | None:
    """Return whether two processes share their memory; ``None`` where this is unknown.

    Only kcmp(2) reports it. It needs CONFIG_KCMP and the rights that reading ``smaps``
    needs, and is forbidden by the default seccomp profile of Docker.

    >>> shares_address_space(os.getpid(), os.getppid())
    False
    """
    order = _kcmp(pid, other)
    return None if order is None else order == 0


def order_of_address_spaces(pid: int, other: int) -> int | None:
    """Return 0 when two processes share their memory, else -1 or 1: an order to sort them by.

    ``None`` where this is unknown.

    >>> order_of_address_spaces(os.getpid(), os.getpid())
    0
    """
    order = _kcmp(pid, other)
    return None if order is None else _ORDERS.get(order)


def _kcmp(pid: int, other: int) -> int | None:
    number = _KCMP.get(os.uname().machine)
    if number is None:
        return None
    order: int = _libc().syscall(number, pid, other, _KCMP_VM, 0, 0)
    return None if order < 0 else order


@cache
def _libc() -> ctypes.CDLL:
    import ctypes  # noqa: PLC0415 - needed only when a forked child is found

    return ctypes.CDLL(None)
