"""One sweep: find the tree, read every process of it, add up. Blocking; knows no event loop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
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
from memstat.proc.tree import Node, ProcessTree, Scope
from memstat.sampling.clock import Tick

_PROCESS_BYTES: Final = 8 << 20
"""Reading a process takes as long as the kernel needs to walk this much memory besides its own."""
_WORTH_A_THREAD_BYTES: Final = 1 << 30
"""One thread reads this much sooner than it wakes another to share it with."""

_SHARE_INCOMPLETE: Final = frozenset({ReadStatus.DENIED, ReadStatus.GONE})


class _Tracked:
    """A member of the tree with its reader and its last sample."""

    __slots__ = ("_command_line", "_reader", "_reading", "_source", "node", "sample")

    def __init__(self, node: Node, source: ProcSource, *, command_line: bool) -> None:
        self.node = node
        self.sample = ProcessSample(node.key, node.name)
        self._source = source
        self._reader: ProcessReader = source.reader(node.key)
        self._reading: Reading | None = None
        self._command_line = command_line

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
        node, name = self.node, reading.name or self.sample.name
        self.sample = ProcessSample(
            node.key,
            name,
            reading.ppid,
            node.depth,
            reading.status,
            reading.memory,
            reading.rss_peak_bytes,
            self._command_line_of(name) if self._command_line else None,
        )
        self._reading = reading

    def _command_line_of(self, name: str) -> str | None:
        """Return the command line, read once, and again when execve(2) has changed the name."""
        if self._reading is not None and name == self.sample.name:
            return self.sample.command_line
        return self._source.command_line(self.node.key) or self.sample.command_line

    def close(self) -> None:
        self._reader.close()


class Sweep:
    """One sweep under way, made by ``Sweeper.begin``.

    Any number of threads call ``drain``, once each, to share the reads; when all have returned,
    ``finish`` adds up.
    """

    def __init__(self, tracked: Iterable[_Tracked], began_s: float, began_unix_s: float) -> None:
        """``tracked`` is read in this order; the samples keep the order of the tree."""
        self.began_s = began_s
        """When it began, on the monotonic clock."""
        self._began_unix_s = began_unix_s
        self._tracked = tuple(tracked)
        # Large ones first: a thread that began the largest last would hold up all others.
        self._waiting = deque(sorted(self._tracked, key=_last_rss, reverse=True))
        self._failure: MemstatError | None = None

    @property
    def processes(self) -> int:
        """How many it reads."""
        return len(self._tracked)

    @property
    def waiting(self) -> tuple[ProcessKey, ...]:
        """The processes that are still to be read, in this order."""
        return tuple(tracked.node.key for tracked in self._waiting)

    @property
    def readers(self) -> int:
        """How many threads are worth their while, by the RSS of what is still to be read."""
        weight_bytes = sum(tracked.rss_bytes + _PROCESS_BYTES for tracked in self._waiting)
        return max(1, -(-weight_bytes // _WORTH_A_THREAD_BYTES))

    def drain(self) -> None:
        """Read processes until none is left; a failure is kept for ``finish``."""
        try:
            while (tracked := self._take()) is not None:
                tracked.read()
        except MemstatError as error:
            self._failure = error
            self._waiting.clear()

    def finish(self, tick: Tick, started_s: float) -> Snapshot:
        """Return what was read. Raises TooManyDescriptors if nothing could be."""
        if self._failure is not None:
            raise self._failure
        samples = tuple([tracked.sample for tracked in self._tracked])
        elapsed_s = self.began_s - started_s
        return Snapshot(
            tick=tick.index,
            unix_time_s=self._began_unix_s,
            elapsed_s=elapsed_s,
            late_s=max(0.0, elapsed_s - tick.due_s),
            missed_ticks=tick.missed_ticks,
            sweep_s=time.monotonic() - self.began_s,
            complete=is_complete(samples),
            total=add_up(samples),
            processes=samples,
        )

    def _take(self) -> _Tracked | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            # Also when another thread took the last one this very moment.
            return None


class Sweeper:
    """Sweeps the trees of some processes again and again, one sweep at a time."""

    def __init__(self, source: ProcSource, scope: Scope) -> None:
        self.source = source
        self.scope = scope
        self._tree = ProcessTree(scope) if scope.recursive else None
        self._finding = threading.Lock()
        self._nodes = tuple(Node(key, "", 0) for key in dict.fromkeys(scope.roots))
        self._tracked: dict[ProcessKey, _Tracked] = {}

    def recursively(self) -> Sweeper:
        """Return a sweeper of the same scope with all descendants: this one if it has them."""
        if self.scope.recursive:
            return self
        return Sweeper(self.source, replace(self.scope, recursive=True))

    def begin(self) -> Sweep:
        """Find the tree and return the sweep that reads it. Raises TooManyDescriptors."""
        began_s, began_unix_s = time.monotonic(), time.time()
        nodes = self.find()
        # While no process comes or goes, the tree is the same object.
        if nodes is not self._nodes or not self._tracked:
            self._nodes = nodes
            self._track()
        return Sweep(self._tracked.values(), began_s, began_unix_s)

    def find(self) -> tuple[Node, ...]:
        """Return the members of the tree now; the targets alone when not recursive.

        Any thread may call it, also in the middle of a sweep.
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

    def close(self) -> None:
        """Close every reader."""
        for tracked in self._tracked.values():
            tracked.close()
        self._tracked.clear()

    def _track(self) -> None:
        kept = {}
        for node in self._nodes:
            known = self._tracked.pop(node.key, None)
            kept[node.key] = known or _Tracked(
                node, self.source, command_line=self.scope.command_lines
            )
            kept[node.key].place(node)
        for ended in self._tracked.values():
            ended.close()
        self._tracked = kept


_last_rss: Final = attrgetter("rss_bytes")


def sweep_once(source: ProcSource, scope: Scope) -> Snapshot:
    """Return one snapshot, read by the calling thread alone."""
    sweeper = Sweeper(source, scope)
    try:
        started_s = time.monotonic()
        sweep = sweeper.begin()
        sweep.drain()
        return sweep.finish(Tick(0, 0.0, 0), started_s)
    finally:
        sweeper.close()


_FIELDS_OF = attrgetter(*MEMORY_FIELDS)


def add_up(samples: Sequence[ProcessSample]) -> Memory:
    """Return the sums of what is known; a field that no measured process has stays ``None``.

    The RSS of a denied process is left out, as its PSS is: all fields cover the same processes.

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
