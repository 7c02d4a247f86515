"""The seam between memstat and the kernel: what a source of processes must provide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from memstat.errors import UnreadableProcess
from memstat.model import Identity, Memory, ProcessKey, ReadStatus


@dataclass(frozen=True, slots=True)
class Reading:
    """One read of one process: a process that is gone or denied is a value, not an error."""

    status: ReadStatus
    name: str | None = None
    """``None`` when not even the name could be read."""
    ppid: int | None = None
    memory: Memory = Memory()
    rss_peak_bytes: int | None = None
    reason: str | None = None
    """Why it is unreadable or denied."""


GONE = Reading(ReadStatus.GONE)


class ProcessReader(Protocol):
    """Reads one process again and again; bound to that process, never to a recycled PID."""

    def read(self) -> Reading:
        """Return what the process uses now. Raises TooManyDescriptors, nothing else of its own."""
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
