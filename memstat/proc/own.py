"""What a process can learn of itself and of its children, cheaply: no page table is walked."""

from __future__ import annotations

import mmap
import os
import resource
from dataclasses import dataclass
from typing import Final

from memstat.model import ProcessKey
from memstat.proc.parse import parse_stat
from memstat.proc.system import system
from memstat.units import KIB

_CHILD_FLAGS: Final = os.WEXITED | os.WNOHANG | os.WNOWAIT
_P_ALL: Final = os.P_ALL
_ANY: Final = 0
_PAGE: Final = mmap.PAGESIZE
_OF_CHILDREN: Final = resource.RUSAGE_CHILDREN
_OF_SELF: Final = resource.RUSAGE_SELF


@dataclass(frozen=True, slots=True)
class OwnMemory:
    """The RSS of this process at one instant, from ``statm`` (proc_pid_statm(5))."""

    rss_bytes: int
    """Its resident pages."""
    shared_bytes: int
    """Those of them that are pages of files or of shared memory."""


def own_memory() -> OwnMemory:
    """Return what this process has resident now. Raises OSError."""
    _, resident, shared, *_ = system.read_file("/proc/self/statm").split(b" ", 3)
    return OwnMemory(int(resident) * _PAGE, int(shared) * _PAGE)


def own_high_water_bytes() -> int:
    """Return ``VmHWM``: the largest RSS since ``execve`` or the last reset. Raises OSError."""
    text = system.read_file("/proc/self/status")
    at = text.index(b"\nVmHWM:") + 7
    return int(text[at : text.index(b" kB", at)]) * KIB


def reset_own_high_water() -> None:
    """Set ``VmHWM`` of this process to its RSS (proc_pid_clear_refs(5)). Raises OSError."""
    system.write_file("/proc/self/clear_refs", b"5")


def largest_own_rss_bytes() -> int:
    """Return the largest RSS that a child may have inherited as its own ``ru_maxrss``."""
    return system.getrusage(_OF_SELF).ru_maxrss * KIB


def largest_child_rss_bytes() -> int:
    """Return the largest RSS of any child that has ended and was waited for (getrusage(2)).

    It counts from the start of this process and never falls. A child inherits the mark of the
    process that it was started by, so a figure up to ``largest_own_rss_bytes`` says nothing.
    """
    return system.getrusage(_OF_CHILDREN).ru_maxrss * KIB


def has_children() -> bool:
    """Whether this process has a child, running or not waited for. Waits for none."""
    try:
        system.waitid(_P_ALL, _ANY, _CHILD_FLAGS)
    except ChildProcessError:
        return False
    return True


def key_of(pid: int) -> ProcessKey | None:
    """Return the identity of the process that has this PID now; ``None`` when there is none."""
    try:
        identity = parse_stat(system.read_file(f"/proc/{pid}/stat"))
    except OSError:
        return None
    return ProcessKey(identity.pid, identity.start_ticks)


def newest_pid() -> int | None:
    """Return the newest PID of this PID namespace: while it stays, no process has started.

    ``None`` where another file system is mounted over the kernel's ``/proc/loadavg``, as some
    containers do.
    """
    if os.stat("/proc/loadavg").st_dev != os.stat("/proc").st_dev:
        return None
    return int(system.read_file("/proc/loadavg").split()[-1])
