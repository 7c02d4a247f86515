"""Facts about the whole system. Imports nothing that other systems lack."""

from __future__ import annotations

import os
import re
import sys

from memstat.errors import UnsupportedPlatform


def require_linux_kernel() -> None:
    """Raise UnsupportedPlatform on any system but Linux."""
    if sys.platform != "linux":
        raise UnsupportedPlatform(f"memstat measures Linux processes; this is {sys.platform}")


def kernel_version() -> tuple[int, ...]:
    """Return the first two numbers of the kernel's version.

    >>> kernel_version() > (2, 6)
    True
    """
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))


def count_oom_kills() -> int | None:
    """Return how many processes the OOM killer has killed since boot; ``None`` when unknown.

    ``oom_kill`` of ``/proc/vmstat``, since Linux 4.13; it counts the whole system.
    """
    try:
        with open("/proc/vmstat", "rb") as file:
            found = re.search(rb"^oom_kill (\d+)$", file.read(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
