"""Processes with page tables: what maps which page, to the page. What the ledger is held against.

It does what the kernel does with small pages: every page that a process gets was a fault, a fork
shares all anonymous pages and no file, a write to a shared page makes a copy, and a write to one
that no other process maps any more is a fault without a copy.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from math import lcm

from memstat.model import ProcessKey
from memstat.proc.source import Glance, WalkedPages

PAGE = 4096
INIT = 1
"""Adopts orphans, and is no member of the tree."""


@dataclass(eq=False, slots=True)
class Page:
    """A page of memory."""

    is_file: bool = False
    outsiders: int = 0
    """How many processes outside the tree map it."""
    mappers: set[ProcessKey] = field(default_factory=set)

    @property
    def mapped(self) -> int:
        """By how many processes."""
        return len(self.mappers) + self.outsiders


@dataclass(eq=False, slots=True)
class Process:
    """A process of the tree."""

    key: ProcessKey
    ppid: int
    family: int
    faults: int = 0
    anon: list[Page] = field(default_factory=list)
    files: list[Page] = field(default_factory=list)

    def map(self, page: Page) -> None:
        (self.files if page.is_file else self.anon).append(page)
        page.mappers.add(self.key)

    def unmap(self, page: Page) -> None:
        (self.files if page.is_file else self.anon).remove(page)
        page.mappers.discard(self.key)

    def unmap_all(self) -> None:
        for page in [*self.anon, *self.files]:
            self.unmap(page)

    def fault(self, page: Page) -> None:
        self.faults += 1
        self.map(page)

    @property
    def pss(self) -> Fraction:
        return _pss(self.anon) + _pss(self.files)

    def glance(self) -> Glance:
        return Glance(
            family=self.family,
            ppid=self.ppid,
            anon_bytes=PAGE * len(self.anon),
            file_bytes=PAGE * len(self.files),
            faulted_bytes=PAGE * self.faults,
        )

    def walk(self) -> WalkedPages:
        pages = [*self.anon, *self.files]
        return WalkedPages(
            anon_bytes=PAGE * len(self.anon),
            pss_anon_bytes=int(_pss(self.anon)),
            file_bytes=PAGE * len(self.files),
            pss_file_bytes=int(_pss(self.files)),
            private_bytes=PAGE * [page.mapped for page in pages].count(1),
        )


def _pss(pages: list[Page]) -> Fraction:
    """Return what pages count for one that maps them all, exactly."""
    counts = Counter([page.mapped for page in pages])
    whole = lcm(*counts)
    return Fraction(PAGE * sum([n * (whole // mapped) for mapped, n in counts.items()]), whole)


class Machine:
    """A tree of processes, and what they may do."""

    def __init__(self) -> None:
        self.processes: dict[ProcessKey, Process] = {}
        self.file = [Page(is_file=True, outsiders=number // 2 % 3) for number in range(12)]
        self._numbers = count(1)

    def spawn(self, ppid: int = INIT) -> Process:
        """Start a program: a process without any relative."""
        return self._start(ppid, next(self._numbers))

    def _start(self, ppid: int, family: int) -> Process:
        used = {key.pid for key in self.processes}
        pid = next(pid for pid in count(INIT + 1) if pid not in used)  # reused at once
        process = Process(ProcessKey(pid, next(self._numbers)), ppid, family)
        self.processes[process.key] = process
        return process

    def fork(self, parent: Process) -> Process:
        child = self._start(parent.key.pid, parent.family)
        for page in parent.anon:
            child.map(page)
        return child

    def execve(self, process: Process) -> None:
        process.unmap_all()
        process.family = next(self._numbers)

    def end(self, process: Process) -> None:
        process.unmap_all()
        del self.processes[process.key]
        for orphan in self.processes.values():
            if orphan.ppid == process.key.pid:
                orphan.ppid = INIT

    def grow(self, process: Process, pages: int) -> None:
        for _ in range(pages):
            process.fault(Page())

    def write(self, process: Process, page: Page) -> None:
        """Write to an anonymous page that was shared: a fault, and a copy if it still is."""
        if len(page.mappers) > 1:
            process.unmap(page)
            process.fault(Page())
        else:
            process.faults += 1

    @property
    def pss(self) -> Fraction:
        return sum((process.pss for process in self.processes.values()), Fraction(0))
