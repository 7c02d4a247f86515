"""The memory of a fake process: sizes that were given, or pages."""

from __future__ import annotations

from dataclasses import dataclass, field

from memstat.model import Memory
from memstat.proc.source import WalkedPages
from memstat.testing.pages import PageTable, Ram, pages_of, table_of
from memstat.testing.snapshots import memory_of


@dataclass(eq=False, slots=True, repr=False)
class FakeMemory:
    """What a FakeProcess uses, and what it does with it.

    A process begins with sizes that are reported as they were given. The first method that needs
    pages (all but ``use``) makes them into pages, which is possible for private memory alone. From
    then on all sizes follow from what maps which page, as the kernel reports them: a page counts in
    equal parts for those that map it, and sums are cut to whole kB.
    """

    _ram: Ram
    _given: Memory | None
    _table: PageTable | None = field(default=None, init=False)
    faults: int = field(default=0, kw_only=True)
    """How many page faults it has had: one for each page that it has got, but those of files."""
    rss_peak_bytes: int | None = field(default=None, kw_only=True)
    """The high-water mark of its RSS."""
    is_exiting: bool = field(default=False, kw_only=True)
    """Whether it has given up its memory and is not a zombie yet."""

    @property
    def memory(self) -> Memory | None:
        """What it uses; ``None`` for a zombie or a kernel thread. Set it by ``use``."""
        if self.is_exiting:
            return None
        with self._ram.lock:
            return self._given if self._table is None else self._table.memory()

    @memory.setter
    def memory(self, memory: Memory | None) -> None:
        with self._ram.lock:
            if self._table is not None:
                self._table.clear()
            self._given, self._table = memory, None

    def use(self, used: int | Memory) -> None:
        """Use this memory from now on; a number is a size in bytes of private anonymous memory.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("sh", 8192)
        >>> process.use(4096)
        >>> process.memory.pss_bytes, process.rss_peak_bytes
        (4096, 8192)
        """
        before, memory = self.memory, memory_of(used)
        grown = (memory.rss_bytes or 0) - ((before and before.rss_bytes) or 0)
        self.memory = memory
        self.faults += max(1, pages_of(grown))
        self._raise_peak(memory.rss_bytes)

    def grow(self, size_bytes: int) -> None:
        """Use so much more private anonymous memory, in whole pages.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("sh", 1 << 20)
        >>> process.grow(1 << 20)
        >>> process.memory.pss_bytes >> 20, process.faults
        (2, 512)
        """
        with self._ram.lock:
            table = self._pages()
            self._fault(table, table.grow(pages_of(size_bytes)))

    def write(self, size_bytes: int) -> None:
        """Write to so much of its anonymous memory: to what it has not written since a fork first.

        Each page of that is a fault, and a copy if others still map it. What it has mapped first
        comes first. Raises ValueError when it has less.

        >>> from memstat.testing import FakeProc
        >>> parent = FakeProc().start("sh", 4 << 20)
        >>> child = parent.fork()
        >>> child.write(2 << 20)
        >>> parent.memory.pss_bytes >> 20, parent.memory.uss_bytes >> 20, child.faults
        (3, 2, 512)
        """
        with self._ram.lock:
            table = self._pages()
            self._fault(table, table.write(pages_of(size_bytes)))

    def release(self, size_bytes: int) -> None:
        """Unmap so much of its anonymous memory: what it has mapped last first.

        Raises ValueError when it has less.

        >>> from memstat.testing import FakeProc
        >>> parent = FakeProc().start("sh", 4 << 20)
        >>> child = parent.fork()
        >>> child.release(2 << 20)
        >>> parent.memory.pss_bytes >> 20, child.memory.rss_bytes >> 20
        (3, 2)
        """
        with self._ram.lock:
            self._pages().release(pages_of(size_bytes))

    def map_file(self, name: str, size_bytes: int) -> None:
        """Map the first bytes of a file; any process may map the same. A child does not inherit it.

        A file below ``/dev/shm`` is shared memory.

        >>> from memstat.testing import FakeProc
        >>> proc = FakeProc()
        >>> sh, vi = proc.start("sh", 0), proc.start("vi", 0)
        >>> sh.map_file("libc.so", 2 << 20)
        >>> vi.map_file("libc.so", 1 << 20)
        >>> sh.memory.pss_file_bytes >> 10, sh.memory.uss_bytes >> 10
        (1536, 1024)
        """
        with self._ram.lock:
            table = self._pages()
            self._fault(table, table.map_file(self._ram.file(name), pages_of(size_bytes)))

    def unmap_file(self, name: str) -> None:
        """Map nothing of a file any more.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("sh", 4096)
        >>> process.map_file("/dev/shm/ring", 8192)
        >>> process.memory.pss_shmem_bytes
        8192
        >>> process.unmap_file("/dev/shm/ring")
        >>> process.memory.rss_bytes, process.rss_peak_bytes
        (4096, 12288)
        """
        with self._ram.lock:
            self._pages().unmap_file(self._ram.file(name))

    def inherit(self, parent: FakeMemory) -> None:
        """Have the pages of a parent in the place of its own, as ``fork`` does.

        Raises ValueError when the parent has no pages, but sizes that it was given.

        >>> from memstat.testing import FakeProc
        >>> proc = FakeProc()
        >>> parent, child = proc.start("sh", 2 << 20), proc.start("sh", 0)
        >>> child.inherit(parent)
        >>> child.memory.rss_bytes >> 20, child.memory.pss_bytes >> 20, child.faults
        (2, 1, 0)
        """
        parent.become_pages()
        self.memory = None
        with self._ram.lock:
            self._table, self.faults = parent._pages().fork(), 0
            self.rss_peak_bytes = self._table.rss_bytes

    def become_pages(self) -> None:
        """Make the size that it was given into whole pages, unless that is done.

        Raises ValueError when it is not private anonymous memory alone.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("sh", 5000)
        >>> process.become_pages()
        >>> process.memory.pss_bytes
        8192
        """
        with self._ram.lock:
            self._raise_peak(self._pages().rss_bytes)

    def _pages(self) -> PageTable:
        if self._table is None:
            if self._given is None:
                raise ValueError(f"{self!r} has no memory")
            self._table, self._given = table_of(self._given), None
        return self._table

    def _fault(self, table: PageTable, faults: int) -> None:
        self.faults += faults
        self._raise_peak(table.rss_bytes)

    def _raise_peak(self, rss_bytes: int | None) -> None:
        if rss_bytes is not None:
            self.rss_peak_bytes = max(rss_bytes, self.rss_peak_bytes or 0)

    def _walked(self) -> WalkedPages | None:
        """Return what a walk shows in the terms of a glance; ``None`` when too little is known."""
        memory = self.memory
        if memory is None or memory.pss_bytes is None or memory.rss_bytes is None:
            return None
        with self._ram.lock:
            if self._table is not None:
                return self._table.walked()
        pss_anon = memory.pss_bytes if memory.pss_anon_bytes is None else memory.pss_anon_bytes
        pss_file = memory.pss_bytes - pss_anon
        # All that does not count is of anonymous pages, if there are any.
        file = pss_file if pss_anon else memory.rss_bytes
        private = memory.pss_bytes if memory.uss_bytes is None else memory.uss_bytes
        return WalkedPages(memory.rss_bytes - file, pss_anon, file, pss_file, private)
