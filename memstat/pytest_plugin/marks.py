"""What the kernel's own high-water marks say of a test, whatever was sampled. Pure.

``VmHWM`` of a process is the largest RSS that it has had. The plugin sets that of the test's own
process to its RSS when the test is called, so at the end it is the largest RSS during the test.
For other processes it counts from ``execve``. RSS counts every page whole, PSS divides pages that
several processes map, so each rule here leaves out what may be shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from memstat.model import ProcessKey, ProcessSample, Snapshot
from memstat.proc.own import OwnMemory

INACCURACY_BYTES: Final = 1 << 20
"""The kernel keeps the marks from counters per CPU, which may be some 100 kB off."""


class Boundary(NamedTuple):
    """What the process of a test reads of itself at the start or the end of a test."""

    own: OwnMemory
    """Its RSS now."""
    high_bytes: int
    """At the end, the largest RSS since the mark was reset. At the start, the mark itself."""
    child_bytes: int
    """The largest RSS of all children that were ever waited for."""
    inheritable_bytes: int
    """The largest RSS of its own so far: a child may have inherited it as its mark."""


class Marks(NamedTuple):
    """What the marks prove of one test."""

    least_bytes: int
    """The growth of the own process: its highest RSS less that at the start, and less the pages of
    files and shared memory that it has mapped more at the end: samples count those by PSS."""
    most_bytes: int
    """The same with all pages: the PSS of the own process cannot have grown by more, unless others
    stopped sharing its pages."""
    started_bytes: int = 0
    """The largest size that one process which the test started has had."""

    @property
    def growth_bytes(self) -> int:
        """By how much the test grew at least: by one of its processes alone."""
        return max(self.least_bytes, self.started_bytes)


def marks_of(
    start: Boundary, end: Boundary, before: Iterable[ProcessSample], started_bytes: int
) -> Marks:
    """Return what two boundaries prove.

    ``before`` are the other processes at the start, ``started_bytes`` is what samples have seen of
    those that came later.
    """
    most = max(0, end.high_bytes - start.own.rss_bytes)
    mapped = max(0, end.own.shared_bytes - start.own.shared_bytes)
    waited_for = _waited_for(start, end, tuple(before))
    return Marks(max(0, most - mapped), most, max(started_bytes, waited_for))


def _waited_for(start: Boundary, end: Boundary, before: tuple[ProcessSample, ...]) -> int:
    """Return the least growth of the largest child that was waited for during the test.

    The kernel keeps one figure for all children. It says something when it rose, and rose above
    what the child may have inherited. Where others ran already, it may be one of those.
    """
    known = max((process.rss_peak_bytes or 0 for process in before), default=0)
    inherited = max(end.inheritable_bytes, known) + INACCURACY_BYTES
    if end.child_bytes <= max(start.child_bytes, inherited):
        return 0
    return end.child_bytes - max((process.memory.rss_bytes or 0 for process in before), default=0)


class StartedProcesses:
    """The largest size of each process that a test started, from samples and its mark.

    At a sample a process has its USS for itself, and once had so much more RSS as its mark is above
    its RSS. Its PSS says less: one that was forked shares what was there before. But USS is as old
    as the last walk: of a process that has freed memory since, it is no more than the PSS of now.
    """

    def __init__(self) -> None:
        self.largest_bytes = 0
        """The largest of all; 0 without any."""
        self._since_s = 0.0
        self._before: frozenset[ProcessKey] = frozenset()

    def restart(self, since_s: float, before: Iterable[ProcessKey]) -> None:
        """Begin anew with the processes that are no growth of the test."""
        self.largest_bytes = 0
        self._since_s = since_s
        self._before = frozenset(before)

    def observe(self, snapshot: Snapshot) -> None:
        """Take in a snapshot; one that began before the start says nothing."""
        if len(snapshot.processes) < 2 or snapshot.elapsed_s < self._since_s:
            return
        for process in snapshot.processes:
            if process.key not in self._before:
                self.largest_bytes = max(self.largest_bytes, _size_at_mark(process))


def _size_at_mark(process: ProcessSample) -> int:
    memory, mark = process.memory, process.rss_peak_bytes
    if memory.uss_bytes is None or memory.pss_low_bytes is None:
        return 0
    private_bytes = min(memory.uss_bytes, memory.pss_low_bytes)
    if memory.rss_bytes is None or mark is None:
        return private_bytes
    return private_bytes + max(0, mark - memory.rss_bytes)
