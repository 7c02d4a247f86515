"""What a sweep finds: immutable, in bytes and seconds, unknown is ``None``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

__all__ = [
    "DenialReason",
    "Memory",
    "ProcessKey",
    "ProcessSample",
    "ReadStatus",
    "Snapshot",
]

_ZOMBIE_STATES: Final = frozenset("ZXx")


class ReadStatus(StrEnum):
    """The outcome of reading one process.

    >>> ReadStatus("denied") is ReadStatus.DENIED
    True
    """

    MEASURED = "measured"
    """Its memory was read."""
    DENIED = "denied"
    """Its memory may not be read: RSS is known at best, PSS is not."""
    UNREADABLE = "unreadable"
    """Reading it failed for another reason (``ProcessSample.reason``): nothing is known of it at
    this moment but that it has not ended."""
    GONE = "gone"
    """It ended after it had been found and before it was read."""
    NO_MEMORY = "no-memory"
    """It has no memory of its own: a zombie, a kernel thread, or a child that uses its parent's
    memory until it calls ``execve`` (vfork(2))."""


class DenialReason(StrEnum):
    """Why the memory of a process may not be read (ptrace(2), "access mode checking").

    >>> str(DenialReason.HIDDEN)
    'it is hidden (hidepid)'
    """

    OTHER_USER = "it belongs to another user"
    """Its user ids are not all that of memstat."""
    PROTECTED = "it is not dumpable or has more privileges"
    """It belongs to the same user: PR_SET_DUMPABLE of prctl(2), or a file with capabilities."""
    NOT_CAPABLE = "memstat lacks CAP_SYS_PTRACE"
    """memstat runs as root, with fewer capabilities than the process has."""
    HIDDEN = "it is hidden (hidepid)"
    """Where the processes of other users are invisible (proc(5)): not even its RSS is known."""


class ProcessKey(NamedTuple):
    """The identity of a process: a recycled PID has another start time, so it is another key.

    A tuple, whose hash Python computes in a fraction of the time that one of a dataclass takes.

    >>> ProcessKey(1, 10) == ProcessKey(1, 99)
    False
    """

    pid: int
    """Process id, as this PID namespace numbers it."""
    start_ticks: int
    """Start time in clock ticks since boot: field 22 of ``proc_pid_stat(5)``."""


class Identity(NamedTuple):
    """What identifies a process: the parts of ``proc_pid_stat(5)`` that memstat needs."""

    pid: int
    """Process id."""
    ppid: int
    """Process id of its parent; 0 for one of another PID namespace, or of the kernel."""
    start_ticks: int
    """Start time since boot, in clock ticks."""
    name: str
    """``comm``, decoded; bytes that are not UTF-8 stand as ``\\xNN``."""
    state: str
    """One letter; ``Z`` once the main thread has ended."""
    threads: int
    """Living threads and the main one."""
    has_executed: bool = True
    """Whether it has called ``execve`` since it was forked."""
    is_kernel_thread: bool = False
    """Whether it is a part of the kernel, without memory of its own."""
    family: int = 0
    """A number that is the same for processes which were forked from one another, and new after
    ``execve``: the address of the stack's start, which the kernel randomises. 0 when unknown, or
    when the memory is gone."""

    @property
    def key(self) -> ProcessKey:
        """What no other process ever has."""
        return ProcessKey(self.pid, self.start_ticks)

    @property
    def is_alive(self) -> bool:
        """False for a zombie; a process of which only the main thread has ended is alive."""
        return self.state not in _ZOMBIE_STATES or self.threads > 1


@dataclass(frozen=True, slots=True)
class Memory:
    """Sizes in bytes, with the meanings of ``proc_pid_smaps(5)``; ``None`` where unknown.

    >>> Memory(pss_bytes=4096).uss_bytes is None
    True
    """

    pss_bytes: int | None = None
    """Proportional set size: a page that n processes share counts 1/n."""
    uss_bytes: int | None = None
    """Unique set size: pages that no other process maps (``Private_Clean + Private_Dirty``)."""
    rss_bytes: int | None = None
    """Resident set size: every resident page, shared or not, counts whole."""
    pss_anon_bytes: int | None = None
    """The part of PSS in anonymous pages; reported since Linux 5.3."""
    pss_file_bytes: int | None = None
    """The part of PSS in file pages."""
    pss_shmem_bytes: int | None = None
    """The part of PSS in shared memory and tmpfs pages."""
    swap_pss_bytes: int | None = None
    """Proportional share of swapped-out pages; not part of PSS."""
    hugetlb_bytes: int | None = None
    """Huge pages of hugetlbfs, part of neither RSS nor PSS. The kernel does not divide them: one
    that n processes share counts whole in each, and n times in their total."""
    hugetlb_shared_bytes: int | None = None
    """The part of it that other processes map too."""
    pss_low_bytes: int | None = None
    """PSS is no less. By default equal to it; less where it is estimated."""
    pss_high_bytes: int | None = None
    """PSS is no more, likewise; the RSS of a process that may not be read."""

    def __post_init__(self) -> None:
        if self.pss_low_bytes is None and self.pss_bytes is not None:
            object.__setattr__(self, "pss_low_bytes", self.pss_bytes)
            object.__setattr__(self, "pss_high_bytes", self.pss_bytes)

    @property
    def is_estimated(self) -> bool:
        """Whether PSS is known by bounds only, and a value between them.

        >>> Memory(pss_bytes=5, pss_low_bytes=4, pss_high_bytes=7).is_estimated
        True
        """
        return self.pss_low_bytes != self.pss_high_bytes


MEMORY_FIELDS = tuple(Memory.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """One process in one snapshot.

    >>> ProcessSample(ProcessKey(7, 1), "sh").status
    <ReadStatus.GONE: 'gone'>
    """

    key: ProcessKey
    """Its identity."""
    name: str
    """Its ``comm``, chosen by the process: up to 15 bytes, any of them. Not safe to print as is."""
    ppid: int | None = None
    """The PID of its parent now; ``None`` when it could not be read."""
    depth: int = 0
    """Generations below the target: 0 for itself, 1 for an orphan of unknown ancestors."""
    status: ReadStatus = ReadStatus.GONE
    """Whether it could be read."""
    memory: Memory = Memory()
    """Its sizes; all ``None`` unless ``status`` is measured, but for ``rss_bytes`` when denied."""
    rss_peak_bytes: int | None = None
    """The kernel's own high-water mark of RSS since ``execve`` (``VmHWM``); some 100 kB too low at
    times, since the kernel keeps it from counters per CPU."""
    command_line: str | None = None
    """Its arguments, joined by spaces; ``None`` when unknown or not asked for. Not safe to print
    either: the process may have written anything into it."""
    reason: str | None = None
    """Why it is unreadable, or denied (a ``DenialReason``); ``None`` otherwise."""
    walk_age_s: float | None = None
    """How long before this sweep the one began that last walked its pages: what a glance cannot
    know (USS, swap, huge pages, how much of its files is shared memory) is as old. 0 when walked in
    this sweep, ``None`` never yet."""
    walked_pss_bytes: int | None = None
    """Its PSS as that walk showed it. Where it is another by now, what is as old is out of date."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that one sweep found. The only thing that consumers get."""

    tick: int
    """Index in the grid ``t0 + tick * interval_s``; a last sample off the grid repeats it."""
    unix_time_s: float
    """Wall clock at the start of the sweep, seconds since 1970 UTC."""
    elapsed_s: float
    """Seconds from ``t0`` to the start of the sweep, by the monotonic clock."""
    late_s: float
    """How long after its tick the sweep began."""
    missed_ticks: int
    """Ticks skipped since the start, because a sweep or the machine was too slow."""
    sweep_s: float
    """How long the sweep took. Its reads are not simultaneous."""
    complete: bool
    """Whether ``total`` lacks nothing: every process of the tree is known, none was denied or
    unreadable, none ended during the sweep, and it is not torn."""
    total: Memory
    """The sum over the processes; a field is ``None`` where no process has it."""
    processes: tuple[ProcessSample, ...]
    """The tree, depth first, children in PID order."""
    torn: bool = False
    """Whether the total may be wrong by more than 1 % because processes that share memory started,
    ended or called ``execve`` between two reads. It is not complete then."""
    missing_reason: str | None = None
    """Why processes may be missing from the tree; ``None`` when none are."""
    spikes_bytes: int = 0
    """By how much processes had more RSS between the sweep before and this one than at either, by
    the kernel's own marks (``VmHWM``)."""
    walk_s: float | None = None
    """How long its walks held processes up, in sum; ``None`` when it only glanced."""
    held_share: float = 0.0
    """The largest part of its time for which walks have held up one of the processes, of those that
    have lived for a second."""


def sum_known(sizes: Iterable[int | None]) -> int | None:
    """Return a sum; ``None`` where one of the sizes is unknown.

    >>> sum_known([1, 2]), sum_known([1, None])
    (3, None)
    """
    try:
        return sum(sizes)  # type: ignore[arg-type]  # to look for None first takes longer
    except TypeError:
        return None
