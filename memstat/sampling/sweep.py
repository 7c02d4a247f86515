"""One sweep: find the tree, read every process of it, add up. Blocking; knows no event loop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Container, Sequence
from operator import attrgetter
from typing import Final

from memstat.errors import MemstatError
from memstat.model import (
    MEMORY_FIELDS,
    Memory,
    ProcessKey,
    ProcessSample,
    ReadStatus,
    Snapshot,
)
from memstat.proc.source import ProcessReader, ProcSource, Reading
from memstat.proc.tree import Node, ProcessTree
from memstat.sampling.clock import Tick

_PROCESS_BYTES: Final = 8 << 20
"""Reading a process takes as long as it takes the kernel to walk so much memory besides its own."""

_SHARE_INCOMPLETE: Final = frozenset({ReadStatus.DENIED, ReadStatus.GONE})


class _Tracked:
    """A member of the tree with its reader and what was read last."""

    __slots__ = ("_reader", "_reading", "node", "sample")

    def __init__(self, node: Node, reader: ProcessReader) -> None:
        self.node = node
        self._reader = reader
        self._reading: Reading | None = None
        self.sample = ProcessSample(node.key, node.name)

    @property
    def rss_bytes(self) -> int:
        return self.sample.memory.rss_bytes or 0

    def place(self, node: Node) -> None:
        if node is not self.node:
            self.node, self._reading = node, None

    def read(self) -> None:
        reading = self._reader.read()
        if reading is self._reading:
            return
        self._reading, node = reading, self.node
        self.sample = ProcessSample(
            node.key,
            reading.name or self.sample.name,
            reading.ppid,
            node.depth,
            reading.status,
            reading.memory,
            reading.rss_peak_bytes,
        )

    def close(self) -> None:
        self._reader.close()


class Sweeper:
    """Sweeps the trees of some processes again and again.

    ``begin`` finds the tree; then any number of threads call ``drain``, once each, to share out
    the reads; when all have returned, ``finish`` adds up. One sweep at a time.
    """

    def __init__(
        self,
        source: ProcSource,
        roots: Sequence[ProcessKey],
        *,
        recursive: bool,
        excluded: Collection[int] = (),
        adopter: int | None = None,
        not_orphans: Container[ProcessKey] = (),
    ) -> None:
        self.roots = tuple(dict.fromkeys(roots))
        self.source = source
        self._tree = (
            ProcessTree(roots, excluded=excluded, adopter=adopter, not_orphans=not_orphans)
            if recursive
            else None
        )
        self._finding = threading.Lock()
        self._nodes = tuple(Node(key, "", 0) for key in self.roots)
        self._tracked: dict[ProcessKey, _Tracked] = {}
        self._waiting: deque[_Tracked] = deque()
        self._failure: MemstatError | None = None
        self._began_s = 0.0
        self._began_unix_s = 0.0

    @property
    def waiting(self) -> int:
        """How many reads are left for ``drain``."""
        return len(self._waiting)

    @property
    def weight_bytes(self) -> int:
        """How long they take, told in memory to walk: their RSS when last read, and a bit each."""
        return sum(tracked.rss_bytes + _PROCESS_BYTES for tracked in self._waiting)

    @property
    def is_recursive(self) -> bool:
        return self._tree is not None

    def recursively(self) -> Sweeper:
        """Return a sweeper of the same targets with all their descendants."""
        return Sweeper(self.source, self.roots, recursive=True)

    def begin(self) -> None:
        """Find the tree. Raises TooManyDescriptors."""
        self._began_s, self._began_unix_s = time.monotonic(), time.time()
        self._failure = None
        nodes = self.find()
        # As long as nobody comes or goes, the tree is the same object.
        if nodes is not self._nodes or not self._tracked:
            self._nodes = nodes
            self._track()
        # Large ones first: a thread that begins the largest last would keep all others waiting.
        self._waiting.extend(sorted(self._tracked.values(), key=_last_rss, reverse=True))

    def find(self) -> tuple[Node, ...]:
        """Return who belongs to the tree now; the targets alone when not recursive.

        Any thread may ask, also in the middle of a sweep.
        """
        if self._tree is None:
            return self._nodes
        with self._finding:
            for _ in range(2):
                listing = self.source.list_processes()
                identities = {pid: self.source.identify(pid) for pid in self._tree.unseen(listing)}
                if not self._tree.update(listing, identities):
                    break
            return self._tree.members()

    def drain(self) -> None:
        """Read processes until none is left; a failure is kept for ``finish``."""
        try:
            while (tracked := self._take()) is not None:
                tracked.read()
        except MemstatError as error:
            self._failure = error
            self._waiting.clear()

    def _take(self) -> _Tracked | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            # Also when another thread took the last one this very moment.
            return None

    def finish(self, tick: Tick, started_s: float) -> Snapshot:
        """Return what was read since ``begin``. Raises TooManyDescriptors if nothing could be."""
        if self._failure is not None:
            raise self._failure
        samples = tuple([tracked.sample for tracked in self._tracked.values()])
        elapsed_s = self._began_s - started_s
        return Snapshot(
            tick=tick.index,
            unix_time_s=self._began_unix_s,
            elapsed_s=elapsed_s,
            late_s=max(0.0, elapsed_s - tick.due_s),
            missed_ticks=tick.missed_ticks,
            sweep_s=time.monotonic() - self._began_s,
            complete=is_complete(samples),
            total=add_up(samples),
            processes=samples,
        )

    def close(self) -> None:
        """Close every reader."""
        for tracked in self._tracked.values():
            tracked.close()
        self._tracked.clear()

    def _track(self) -> None:
        kept = {}
        for node in self._nodes:
            known = self._tracked.pop(node.key, None)
            kept[node.key] = known or _Tracked(node, self.source.reader(node.key))
            kept[node.key].place(node)
        for ended in self._tracked.values():
            ended.close()
        self._tracked = kept


_last_rss: Final = attrgetter("rss_bytes")


def sweep_once(
    source: ProcSource,
    roots: Sequence[ProcessKey],
    *,
    recursive: bool,
    excluded: Collection[int] = (),
) -> Snapshot:
    """Return one snapshot, read by the calling thread alone."""
    sweeper = Sweeper(source, roots, recursive=recursive, excluded=excluded)
    try:
        started_s = time.monotonic()
        sweeper.begin()
        sweeper.drain()
        return sweeper.finish(Tick(0, 0.0, 0), started_s)
    finally:
        sweeper.close()


_FIELDS_OF = attrgetter(*MEMORY_FIELDS)


def add_up(samples: Sequence[ProcessSample]) -> Memory:
    """Return the sums of what is known; a field that no measured process has stays ``None``.

    The RSS of a denied process is left out, as its PSS is: all fields speak of the same processes.

    >>> add_up([]).pss_bytes is None
    True
    """
    columns = zip(
        *(_FIELDS_OF(s.memory) for s in samples if s.status is ReadStatus.MEASURED), strict=True
    )
    return Memory(*(_sum_known(column) for column in columns))


def is_complete(samples: Sequence[ProcessSample]) -> bool:
    """Whether a sum over these lacks nothing that a process has.

    >>> is_complete([])
    True
    """
    return not any(sample.status in _SHARE_INCOMPLETE for sample in samples)


def _sum_known(column: tuple[int | None, ...]) -> int | None:
    known = [size for size in column if size is not None]
    return sum(known) if known else None
