"""The children of this process."""

from __future__ import annotations

import os


def first_ended_child() -> int | None:
    """Return the PID of a child that has ended and can be waited for; ``None`` without one.

    It stays to be waited for: the next call may return the same (WNOWAIT, waitid(2)).
    """
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return None
    return None if ended is None else ended.si_pid


def children() -> list[int]:
    """Return the PIDs of all children, those too that have ended and were not waited for.

    ``/proc/PID/task/TID/children`` (proc(5)): one that is adopted meanwhile may be missing, and
    where the kernel does not have the file, all are.
    """
    found: list[int] = []
    for thread in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
        except OSError:
            pass  # The thread has ended.
    return found
