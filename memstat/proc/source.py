"""The seam between memstat and the kernel: what a source of processes must provide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from memstat.errors import UnreadableProcess
from memstat.model import Identity, Memory, ProcessKey, ReadStatus


class Reading(NamedTuple):
    """One read of one process: a process that is gone or denied is a value, not an error."""

    status: ReadStatus
    name: str | None = None
    """``None`` when not even the name could be read."""
    ppid: int | None = None
    memory: Memory = Memory()
    rss_peak_bytes: int | None = None
    reason: str | None = None
    """Why it is unreadable or denied."""
    family: int = 0
    """``Identity.family`` of the address space that was read or, without memory of its own, is
    borrowed; 0 when unknown, or when there is none."""
    is_exiting: bool = False
    """Whether it has given up its memory and not ended yet: the kernel may still be unmapping."""


GONE = Reading(ReadStatus.GONE)


class Afterwards(NamedTuple):
    """What has become of a process since it was read."""

    keeps_memory: bool
    """Whether it still has the address space that was read."""
    has_waited: bool
    """Whether it has waited for a child that had ended."""


LEFT: Final = Afterwards(keeps_memory=False, has_waited=False)


class ProcessReader(Protocol):
    """Reads one process again and again; bound to that process, never to a recycled PID."""

    def read(self) -> Reading:
        """Return what the process uses now. Raises TooManyDescriptors, nothing else of its own."""
        ...

    def afterwards(self) -> Afterwards:
        """Return what has become of the process since the last read.

        A fork of it that was under way has then either ended or not begun to copy.
        """
        ...

    def anonymous_share_bytes(self) -> int | None:
        """Return what it shared of anonymous pages at the last read, if not less; else ``None``.

        Like the part of its PSS in shared anonymous pages, it is 0 when it shares none.
        """
        ...

    def close(self) -> None:
        """Close what is held open. Harmless when repeated."""
        ...


class ProcSource(Protocol):
    """A view of a system's processes. Its calls may block and come from any thread."""

    def list_processes(self) -> Mapping[int, int]:
        """Return PID -> a number that differs for each process that ever had this PID.

        Raises ListingError when that fails, TooManyDescriptors when no descriptor is left.
        """
        ...

    @property
    def missing_reason(self) -> str | None:
        """Why processes may be missing from the listings; ``None`` when none are."""
        ...

    def newest_pid(self) -> int | None:
        """Return the number that was given last to a process or a thread; ``None``: unknown.

        While it stays the same, none was started.
        """
        ...

    def identify(self, pid: int) -> Identity | None:
        """Return the process that has this PID; ``None`` when there is none or it is hidden.

        Raises UnreadableProcess when reading fails for another reason, TooManyDescriptors.
        """
        ...

    def require(self, pid: int) -> Identity:
        """Return the process that has this PID.

        Raises NoSuchProcess, NotAProcess, UnreadableProcess or TooManyDescriptors otherwise.
        """
        ...

    def command_line(self, key: ProcessKey) -> str | None:
        """Return the arguments of a process, joined by spaces; ``None`` when it has none."""
        ...

    def reader(self, key: ProcessKey) -> ProcessReader:
        """Return a reader for this process; one that has ended meanwhile reads as gone."""
        ...


def identify_if_readable(source: ProcSource, pid: int) -> Identity | None:
    """Return the process that has this PID; ``None`` also when it cannot be read."""
    try:
        return source.identify(pid)
    except UnreadableProcess:
        return None
