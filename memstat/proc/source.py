"""The seam between memstat and the kernel: what a source of processes must provide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from memstat.errors import UnreadableProcess
from memstat.model import Identity, Memory, ProcessKey, ReadStatus

if TYPE_CHECKING:  # A snapshot alone is taken without it.
    from memstat.mappings import MappingGroup


class Glance(NamedTuple):
    """What a process shows of its memory without being held up: ``statm`` and ``stat``."""

    family: int
    """``Identity.family``; 0 when unknown."""
    ppid: int
    anon_bytes: int
    """The anonymous memory that it maps, each page whole."""
    file_bytes: int
    """Likewise of files and of shared memory."""
    faulted_bytes: int
    """A page for each fault that it has ever had."""
    name: str = ""
    rss_peak_bytes: int | None = None
    """``VmHWM``, as far as the process can have raised it; ``None`` when unknown."""

    @property
    def rss_bytes(self) -> int:
        """All that it maps."""
        return self.anon_bytes + self.file_bytes


class WalkedPages(NamedTuple):
    """What a walk (``smaps_rollup``) shows of a process, in the terms of a glance."""

    anon_bytes: int
    """The anonymous memory that it maps, each page whole."""
    pss_anon_bytes: int
    """What counts of it."""
    file_bytes: int
    """The pages of files and of shared memory that it maps, each whole."""
    pss_file_bytes: int
    """What counts of them."""
    private_bytes: int
    """All pages that no other process maps."""
    has_huge: bool = False
    """Whether there are huge anonymous pages among them."""
    glance_error_bytes: int = 0
    """How far a glance was off while nothing changed: not 0 on kernels that count per CPU."""


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
    pages: WalkedPages | None = None
    """What the ledger needs; ``None`` when it was not measured, or the kernel reports too little
    (before Linux 5.3)."""


GONE = Reading(ReadStatus.GONE)


class MappedReading(NamedTuple):
    """One read of the mappings of one process."""

    reading: Reading
    groups: Sequence[MappingGroup] = ()
    """Its mappings, those of one kind and name as one; none unless it was measured."""


class Afterwards(NamedTuple):
    """What has become of a process since it was read."""

    keeps_memory: bool
    """Whether it still has the address space that was read."""
    has_waited: bool
    """Whether it has waited for a child that had ended."""


LEFT: Final = Afterwards(keeps_memory=False, has_waited=False)


class ProcessReader(Protocol):
    """Reads one process again and again; bound to that process, never to a recycled PID."""

    def glance(self, *, with_faults: bool, with_parent: bool = True) -> Glance | None:
        """Return what the process maps, without holding it up.

        The same object while that stays as it is. Without ``with_faults`` all but the sizes may be
        of an earlier glance, while these are the same; without ``with_parent`` the parent may be,
        if nothing else changed. ``None`` where only a walk shows what there
        is: it has ended, has no memory of its own, or may not be read. Raises TooManyDescriptors.
        """
        ...

    def walk(self) -> Reading:
        """Return what the process uses now. The kernel holds it up while it looks at its pages.

        Raises TooManyDescriptors, nothing else of its own.
        """
        ...

    def afterwards(self) -> Afterwards:
        """Return what has become of the process since the last read.

        A fork of it that was under way has then either ended or not begun to copy.
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

    def close(self) -> None:
        """Close what is kept open between two reads, but for readers. It can be used on."""
        ...

    def identify(self, pid: int) -> Identity | None:
        """Return the process that has this PID; ``None`` when there is none or it is hidden.

        Raises UnreadableProcess when reading fails for another reason, TooManyDescriptors.
        """
        ...

    def order_of_memory(self, pid: int, other: int) -> int | None:
        """Return 0 when two processes use one address space, else -1 or 1, by which they sort.

        ``None`` where this is unknown.
        """
        ...

    def is_thread(self, number: int) -> bool:
        """Whether this is the id of a thread, and not of a process."""
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

    def mappings(self, key: ProcessKey) -> MappedReading:
        """Return what a process maps; one that has ended meanwhile reads as gone.

        Raises TooManyDescriptors.
        """
        ...


def identify_if_readable(source: ProcSource, pid: int) -> Identity | None:
    """Return the process that has this PID; ``None`` also when it cannot be read."""
    try:
        return source.identify(pid)
    except UnreadableProcess:
        return None
