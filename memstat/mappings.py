"""What the memory of a tree consists of: its mappings, in groups. Immutable, in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from memstat.model import Memory, ProcessSample, sum_known

__all__ = ["MappingGroup", "MappingKind", "Mappings"]


class MappingKind(StrEnum):
    """What a mapping is of.

    >>> MappingKind("file") is MappingKind.FILE
    True
    """

    HEAP = "heap"
    """What brk(2) has made: the kernel calls it ``[heap]``."""
    STACK = "stack"
    """The stack of the main thread, and those of others where they can be told apart."""
    ANONYMOUS = "anonymous"
    """Private memory of no file: what malloc(3) takes with mmap(2), arenas, the heaps of runtimes.
    Its name, if any, is that of ``PR_SET_VMA_ANON_NAME`` (prctl(2))."""
    FILE = "file"
    """A file, its name is the path: programs, libraries, data. What a process has written to a
    private mapping of it belongs here too."""
    SHARED_MEMORY = "shared-memory"
    """Memory made to be shared: memfd_create(2), shm_open(3), System V, anonymous mappings."""
    HUGE_PAGES = "huge-pages"
    """Pages of hugetlbfs."""
    KERNEL = "kernel"
    """What the kernel maps, such as ``[vdso]``."""


@dataclass(frozen=True, slots=True)
class MappingGroup:
    """All mappings of one kind and name, of one process or of several; sizes in bytes.

    >>> MappingGroup(MappingKind.HEAP, "", 4096, 4096, 4096).processes
    1
    """

    kind: MappingKind
    """What they are of."""
    name: str
    """A path or another name; empty where the kind says it all. Not safe to print as is: it is
    chosen by the process."""
    pss_bytes: int
    """Proportional set size. The kernel cuts that of each mapping to whole kB."""
    uss_bytes: int
    """Unique set size: pages that no other process maps."""
    rss_bytes: int
    """Resident set size, in each process whole."""
    swap_pss_bytes: int | None = None
    """Proportional share of swapped-out pages; ``None`` before Linux 4.3."""
    hugetlb_bytes: int | None = None
    """Huge pages of hugetlbfs, part of neither RSS nor PSS, in each process whole; ``None`` before
    Linux 4.4."""
    processes: int = 1
    """How many processes have such a mapping."""
    mappings: int = 1
    """How many mappings these are."""


@dataclass(frozen=True, slots=True)
class Mappings:
    """What the memory of a tree consisted of at one instant. Its processes are read one by one.

    >>> heap = MappingGroup(MappingKind.HEAP, "", 4096, 4096, 8192)
    >>> Mappings((heap,), unix_time_s=0.0, processes=1).total.rss_bytes
    8192
    """

    groups: tuple[MappingGroup, ...]
    """Those that hold any memory, by PSS, the largest first. Their PSS adds up to that of the tree,
    less up to 1 kB a mapping."""
    unix_time_s: float
    """Wall clock at the start, seconds since 1970 UTC."""
    elapsed_s: float = 0.0
    """Seconds from the first tick of a measurement to the start; 0 where it stands alone."""
    read_s: float = 0.0
    """How long it took."""
    cpu_s: float = 0.0
    """The CPU time that it took."""
    held_s: float = 0.0
    """The most CPU time that reading one process took, and may have held it up for."""
    processes: int = 0
    """How many processes were read."""
    complete: bool = True
    """Whether nothing is missing: every process of the tree is known and could be read, and it is
    not torn."""
    torn: bool = False
    """Whether processes started or ended while others were read: what they share may be counted
    twice, or in part."""
    unread: tuple[ProcessSample, ...] = ()
    """The processes that were denied, unreadable or gone, with ``status`` and ``reason``."""
    missing_reason: str | None = None
    """Why processes may be missing from the tree; ``None`` when none are."""

    @property
    def total(self) -> Memory:
        """The sizes of all groups together; all ``None`` where no process could be read."""
        return sizes_of(self.groups) if self.processes else Memory()


def sizes_of(groups: Sequence[MappingGroup]) -> Memory:
    """Return the sums over groups; a size that is not known of one of them is not known."""
    return Memory(
        pss_bytes=sum(group.pss_bytes for group in groups),
        uss_bytes=sum(group.uss_bytes for group in groups),
        rss_bytes=sum(group.rss_bytes for group in groups),
        swap_pss_bytes=sum_known(group.swap_pss_bytes for group in groups),
        hugetlb_bytes=sum_known(group.hugetlb_bytes for group in groups),
    )
