"""Page tables of fake processes: which processes map which pages."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from memstat.model import Memory
from memstat.proc.source import WalkedPages
from memstat.testing.snapshots import private_memory

PAGE_BYTES: Final = 4096
_FRACTION_BITS: Final = 12
"""The kernel divides a page among those that map it to so many binary digits of a byte."""
_AROUND_FAULT: Final = 16
"""A fault on a file maps the pages around it as well."""
_SHARED_MEMORY: Final = "/dev/shm/"  # noqa: S108 - a name, and not a file


class Kind(Enum):
    """What a page belongs to."""

    ANON = auto()
    FILE = auto()
    SHMEM = auto()


class Run:
    """Pages in a row that the same processes map."""

    __slots__ = ("count", "kind", "mappers", "protected")

    def __init__(self, count: int, kind: Kind) -> None:
        self.count = count
        self.kind = kind
        self.mappers: set[PageTable] = set()
        self.protected: set[PageTable] = set()
        """Those of them for which a write will be a fault: they have not written since a fork."""

    @property
    def size_bytes(self) -> int:
        return self.count * PAGE_BYTES

    @property
    def share(self) -> int:
        """What it counts for each that maps it, in fractions of a byte, cut at every page."""
        return self.count * ((PAGE_BYTES << _FRACTION_BITS) // len(self.mappers))


class MappedFile:
    """A file, as far as any process has ever mapped it."""

    def __init__(self, name: str) -> None:
        self.kind = Kind.SHMEM if name.startswith(_SHARED_MEMORY) else Kind.FILE
        self.runs: list[Run] = []


class Ram:
    """What all processes of a system have in common: its files, and a lock for all of it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        """A script may go on in one thread while another reads."""
        self._files: dict[str, MappedFile] = {}

    def file(self, name: str) -> MappedFile:
        return self._files.setdefault(name, MappedFile(name))


class PageTable:
    """The pages of one process, in the order in which it mapped them.

    What takes a page for each fault returns how many faults that were.

    >>> parent = PageTable()
    >>> parent.grow(100)
    100
    >>> child = parent.fork()
    >>> child.write(10)
    10
    >>> parent.memory().pss_bytes == 4096 * (90 // 2 + 10)
    True
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def grow(self, count: int) -> int:
        """Map new anonymous pages."""
        if count:
            self._map(Run(count, Kind.ANON))
        return count

    def fork(self) -> PageTable:
        """Return the table of a child: it maps all anonymous pages, until either writes to them.

        Pages of files are not copied, as the child can find them again.
        """
        child = PageTable()
        for run in self._of_kind(Kind.ANON):
            child._map(run)
            run.protected |= {self, child}
        return child

    def write(self, count: int) -> int:
        """Write to anonymous pages: to those first that were not written to since a fork."""
        runs = self._of_kind(Kind.ANON)
        self._require(count, runs)
        runs = self._first(count, [run for run in runs if self in run.protected])
        for run in runs:
            run.protected.discard(self)
            if len(run.mappers) > 1:
                self._copy(run)
        return _count(runs)

    def release(self, count: int) -> None:
        """Unmap anonymous pages: those first that were mapped last."""
        runs = self._of_kind(Kind.ANON)
        self._require(count, runs)
        kept = self._first(_count(runs) - count, runs)
        for run in self._of_kind(Kind.ANON):
            if run not in kept:
                self._unmap(run)

    def map_file(self, file: MappedFile, count: int) -> int:
        """Map the first pages of a file, as far as it has not."""
        missing = count - _count(file.runs)
        if missing > 0:
            file.runs.append(Run(missing, file.kind))
        runs = [run for run in self._first(count, file.runs, file) if self not in run.mappers]
        for run in runs:
            self._map(run)
        return _count(runs) if file.kind is Kind.SHMEM else -(-_count(runs) // _AROUND_FAULT)

    def unmap_file(self, file: MappedFile) -> None:
        for run in file.runs:
            if self in run.mappers:
                self._unmap(run)

    def clear(self) -> None:
        """Unmap everything."""
        for run in [*self.runs]:
            self._unmap(run)

    @property
    def rss_bytes(self) -> int:
        return _count(self.runs) * PAGE_BYTES

    def memory(self) -> Memory:
        """Return what ``smaps_rollup`` would report: each sum is cut to whole kB."""
        shares = dict.fromkeys(Kind, 0)
        for run in self.runs:
            shares[run.kind] += run.share
        anon, files, shmem = shares.values()
        return Memory(
            pss_bytes=_cut(anon + files + shmem),
            uss_bytes=self._private_bytes,
            rss_bytes=self.rss_bytes,
            pss_anon_bytes=_cut(anon),
            pss_file_bytes=_cut(files),
            pss_shmem_bytes=_cut(shmem),
            swap_pss_bytes=0,
            hugetlb_bytes=0,
            hugetlb_shared_bytes=0,
        )

    def walked(self) -> WalkedPages:
        """Return the same in the terms of a glance."""
        memory = self.memory()
        anon_bytes = _count(self._of_kind(Kind.ANON)) * PAGE_BYTES
        pss_bytes, pss_anon_bytes = memory.pss_bytes or 0, memory.pss_anon_bytes or 0
        return WalkedPages(
            anon_bytes,
            pss_anon_bytes,
            self.rss_bytes - anon_bytes,
            pss_bytes - pss_anon_bytes,
            self._private_bytes,
        )

    @property
    def _private_bytes(self) -> int:
        return sum([run.size_bytes for run in self.runs if len(run.mappers) == 1])

    def _of_kind(self, kind: Kind) -> list[Run]:
        return [run for run in self.runs if run.kind is kind]

    def _require(self, count: int, runs: Iterable[Run]) -> None:
        if count > _count(runs):
            raise ValueError(f"it maps only {_count(runs) * PAGE_BYTES} bytes of anonymous memory")

    def _map(self, run: Run) -> None:
        self.runs.append(run)
        run.mappers.add(self)

    def _unmap(self, run: Run) -> None:
        self.runs.remove(run)
        run.mappers.discard(self)
        run.protected.discard(self)

    def _copy(self, run: Run) -> None:
        """Put a copy in the place of pages that others map as well."""
        copy = Run(run.count, run.kind)
        copy.mappers.add(self)
        self.runs[self.runs.index(run)] = copy
        run.mappers.discard(self)

    def _first(self, count: int, runs: list[Run], file: MappedFile | None = None) -> list[Run]:
        """Return the first pages of these runs, as far as there are any, as runs of their own."""
        taken = []
        for run in [*runs]:
            if count <= 0:
                break
            if run.count > count:
                _split(run, count, file)
            taken.append(run)
            count -= run.count
        return taken


def _split(run: Run, count: int, file: MappedFile | None) -> None:
    """Leave so many pages in a run, and put the others into one behind it."""
    rest = Run(run.count - count, run.kind)
    rest.mappers, rest.protected = {*run.mappers}, {*run.protected}
    run.count = count
    for holder in (*run.mappers, *((file,) if file is not None else ())):
        holder.runs.insert(holder.runs.index(run) + 1, rest)


def _count(runs: Iterable[Run]) -> int:
    return sum([run.count for run in runs])


def _cut(fractions: int) -> int:
    return fractions >> _FRACTION_BITS + 10 << 10


def pages_of(size_bytes: int) -> int:
    """Return how many pages have room for so many bytes.

    >>> pages_of(4096), pages_of(4097)
    (1, 2)
    """
    return -(-size_bytes // PAGE_BYTES)


def table_of(memory: Memory) -> PageTable:
    """Return pages of this size. Raises ValueError unless it is private anonymous memory alone."""
    if memory.pss_bytes is None or memory != private_memory(memory.pss_bytes):
        raise ValueError("it was given sizes of which no pages are known")
    table = PageTable()
    table.grow(pages_of(memory.pss_bytes))
    return table
