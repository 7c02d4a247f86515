"""What a process can learn of itself and of its children, cheaply: no page table is walked."""

from __future__ import annotations

import mmap
import os
import resource
from typing import Final, NamedTuple

from memstat.model import ProcessKey
from memstat.proc.owned_fd import OwnedFd
from memstat.proc.parse import parse_stat
from memstat.proc.system import system
from memstat.units import KIB

_READ_ONLY: Final = os.O_RDONLY | os.O_CLOEXEC
_WRITE_ONLY: Final = os.O_WRONLY | os.O_CLOEXEC
_STATM_BYTES: Final = 128
_CHILD_FLAGS: Final = os.WEXITED | os.WNOHANG | os.WNOWAIT
_P_ALL: Final = os.P_ALL
_ANY: Final = 0
_PAGE: Final = mmap.PAGESIZE
_OF_CHILDREN: Final = resource.RUSAGE_CHILDREN
_OF_SELF: Final = resource.RUSAGE_SELF


class OwnMemory(NamedTuple):
    """The RSS of this process at one instant, from ``statm`` (proc_pid_statm(5))."""

    rss_bytes: int
    """Its resident pages."""
    shared_bytes: int
    """Those of them that are pages of files or of shared memory."""


class OwnFiles:
    """The files of this process about its memory. They stay open: opening takes longer than that.

    A process that is forked opens its own.
    """

    def __init__(self) -> None:
        self._statm = _KeptFile("/proc/self/statm", _READ_ONLY)
        self._clear_refs = _KeptFile("/proc/self/clear_refs", _WRITE_ONLY)

    def memory(self) -> OwnMemory:
        """Return what this process has resident now. Raises OSError."""
        text = system.pread(self._statm.fd(), _STATM_BYTES, 0)
        _, resident, shared, *_ = text.split(b" ", 3)
        return OwnMemory(int(resident) * _PAGE, int(shared) * _PAGE)

    def reset_high_water(self) -> None:
        """Set ``VmHWM`` of this process to its RSS (proc_pid_clear_refs(5)). Raises OSError."""
        system.write(self._clear_refs.fd(), b"5")

    def close(self) -> None:
        """Close the files. Harmless when repeated."""
        self._statm.close()
        self._clear_refs.close()


class _KeptFile:
    """A file of ``/proc/self`` that is opened once, or again if the program has closed it."""

    def __init__(self, path: str, flags: int) -> None:
        self._path = path
        self._flags = flags
        self._file: OwnedFd | None = None
        self._pid = 0

    def fd(self) -> int:
        """Return the descriptor of the file of this process. Raises OSError."""
        file = self._file
        if file is None or self._pid != system.getpid() or not file.is_open:
            self.close()
            self._file = file = OwnedFd(system.open(self._path, self._flags))
            self._pid = system.getpid()
        return file.number

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def own_high_water_bytes() -> int:
    """Return ``VmHWM``: the largest RSS since ``execve`` or the last reset. Raises OSError."""
    text = system.read_file("/proc/self/status")
    at = text.index(b"\nVmHWM:") + 7
    return int(text[at : text.index(b" kB", at)]) * KIB


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


def thread_exists(thread_id: int) -> bool:
    """Whether this process has a thread of this id (gettid(2)), also one that is about to end."""
    try:
        system.read_file(f"/proc/self/task/{thread_id}/comm")
    except OSError:
        return False
    return True


def key_of(pid: int) -> ProcessKey | None:
    """Return the identity of the process that has this PID now; ``None`` when there is none."""
    try:
        identity = parse_stat(system.read_file(f"/proc/{pid}/stat"))
    except OSError:
        return None
    return ProcessKey(identity.pid, identity.start_ticks)
