"""Whether a process still uses its parent's address space: between vfork(2) and execve(2)."""

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


def shares_address_space(pid: int, other: int) -> bool | None:
    """Return whether two processes share their memory; ``None`` where this is unknown.

    Only kcmp(2) reports it. It needs CONFIG_KCMP and the rights that reading ``smaps``
    needs, and is forbidden by the default seccomp profile of Docker.

    >>> shares_address_space(os.getpid(), os.getppid())
    False
    """
    number = _KCMP.get(os.uname().machine)
    if number is None:
        return None
    order = _libc().syscall(number, pid, other, _KCMP_VM, 0, 0)
    return None if order < 0 else bool(order == 0)


@cache
def _libc() -> ctypes.CDLL:
    import ctypes  # noqa: PLC0415 - needed only when a forked child is found

    return ctypes.CDLL(None)
