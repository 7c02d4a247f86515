"""One sweep: find the tree, read every process of it, add up. Blocking; knows no event loop."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import Final, NamedTuple

from memstat.errors import ListingError, MemstatError, UnreadableProcess
from memstat.model import (
    MEMORY_FIELDS,
    Identity,
    Memory,
    ProcessKey,
    ProcessSample,
    ReadStatus,
    Snapshot,
)
from memstat.proc.source import ProcSource
from memstat.proc.tree import Node, ProcessTree, Scope
from memstat.sampling.changes import changes_of, could_be_torn, relatives_of
from memstat.sampling.clock import Tick
from memstat.sampling.torn import REPEATS, REPEATS_OF_ONE, is_torn, is_worth_repeating
from memstat.sampling.tracked import Tracked

_PROCESS_BYTES: Final = 8 << 20
"""Reading a process takes as long as the kernel needs to walk this much memory besides its own."""
_WORTH_A_THREAD_BYTES: Final = 1 << 30
"""One thread reads this much sooner than it wakes another to share it with."""

_SHARE_INCOMPLETE: Final = frozenset({ReadStatus.DENIED, ReadStatus.UNREADABLE, ReadStatus.GONE})


class _Found(NamedTuple):
    """The tree at one moment."""

    nodes: tuple[Node, ...]
    missing_reason: str | None = None
    """Why processes may be missing; ``None`` when none are."""
    identities: Mapping[int, Identity | None] = MappingProxyType({})
    """Those that were looked at for the first time, by PID."""


class Sweep:
    """One sweep under way, made by ``Sweeper.begin``.

    Any number of threads call ``drain``, once each, to share the reads; when all have returned,
    ``finish`` adds up.
    """

    def __init__(
        self,
        tracked: Iterable[Tracked],
        began_s: float,
        began_unix_s: float,
        missing_reason: str | None = None,
        arrivals: Callable[[], Iterable[Identity] | None] = lambda: None,
    ) -> None:
        """``tracked`` is in the order of the tree, as the samples are.

        ``arrivals`` returns the processes that have started since it began; ``None`` when nothing
        has.
        """
        self.began_s = began_s
        """When it began, on the monotonic clock."""
        self._began_unix_s = began_unix_s
        self._missing_reason = missing_reason
        self._arrivals = arrivals
        self._tracked = tuple(tracked)
        # Large ones first: a thread that began the largest last would hold up all others.
        self._waiting = deque(sorted(self._tracked, key=_last_rss, reverse=True))
        self._failure: MemstatError | None = None

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
        total = add_up(samples)
        torn = self._is_torn(total)
        elapsed_s = self.began_s - started_s
        return Snapshot(
            tick=tick.number,
            unix_time_s=self._began_unix_s,
            elapsed_s=elapsed_s,
            late_s=max(0.0, elapsed_s - tick.due_s),
            missed_ticks=tick.missed_ticks,
            sweep_s=time.monotonic() - self.began_s,
            complete=is_complete(samples) and self._missing_reason is None and not torn,
            total=total,
            processes=samples,
            torn=torn,
            missing_reason=self._missing_reason,
        )

    def _is_torn(self, total: Memory) -> bool:
        if total.pss_bytes is None or not could_be_torn(self._tracked, total):
            return False
        relatives = relatives_of(self._tracked)
        changes = changes_of(self._tracked, self._arrivals)
        return is_torn(relatives, changes, total.pss_bytes)

    def _take(self) -> Tracked | None:
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
        self._targets = tuple(Node(key, "", 0) for key in dict.fromkeys(scope.roots))
        self._nodes: tuple[Node, ...] = ()
        self._tracked: dict[ProcessKey, Tracked] = {}

    def recursively(self) -> Sweeper:
        """Return a sweeper of the same scope with all descendants: this one if it has them."""
        if self.scope.recursive:
            return self
        return Sweeper(self.source, self.scope._replace(recursive=True))

    def begin(self) -> Sweep:
        """Find the tree and return the sweep that reads it. Raises TooManyDescriptors."""
        began_s, began_unix_s = time.monotonic(), time.time()
        newest_pid = self.source.newest_pid()
        found = self._find()
        # While no process comes or goes, the tree is the same object.
        if found.nodes is not self._nodes or not self._tracked:
            self._nodes = found.nodes
            self._track(found.identities)
        return Sweep(
            self._tracked.values(),
            began_s,
            began_unix_s,
            found.missing_reason,
            partial(self._arrivals_since, newest_pid),
        )

    def sweep(
        self, tick: Tick, started_s: float, *, interval_s: float, repeats: int = REPEATS
    ) -> Snapshot:
        """Return a snapshot, read by the calling thread alone; again where it is torn."""
        while True:
            sweep = self.begin()
            sweep.drain()
            snapshot = sweep.finish(tick, started_s)
            if not (repeats and is_worth_repeating(snapshot, interval_s)):
                return snapshot
            repeats -= 1

    def find(self) -> tuple[Node, ...]:
        """Return the members of the tree now; the targets alone when not recursive.

        Any thread may call it, also in the middle of a sweep. Raises TooManyDescriptors; where a
        listing fails otherwise, these are the members of the last one.
        """
        return self._find().nodes

    def _find(self) -> _Found:
        if self._tree is None:
            return _Found(self._targets)
        with self._finding:
            try:
                return self._update(self._tree)
            except ListingError as error:
                # Not yet listed once, the targets at least are known.
                return _Found(self._tree.members() or self._targets, str(error))

    def _update(self, tree: ProcessTree) -> _Found:
        """List, and place all that is new."""
        for _ in range(2):
            listing = self.source.list_processes()
            identities, failures = self._identify(tree.unseen(listing))
            if not tree.update(listing, identities, failures):
                break
        missing_reason = next(iter(failures.values()), self.source.missing_reason)
        return _Found(tree.members(), missing_reason, identities)

    def _identify(
        self, pids: Iterable[int]
    ) -> tuple[Mapping[int, Identity | None], Mapping[int, str]]:
        """Return the identities of PIDs, and of those that could not be read why not."""
        identities, failures = {}, {}
        for pid in pids:
            try:
                identities[pid] = self.source.identify(pid)
            except UnreadableProcess as error:
                failures[pid] = str(error)
        return identities, failures

    def close(self) -> None:
        """Close every reader."""
        for tracked in self._tracked.values():
            tracked.close()
        self._tracked.clear()

    def _arrivals_since(self, newest_pid: int | None) -> Sequence[Identity] | None:
        """Return the processes that have started since this was the newest PID, and still live.

        ``None`` when no process was started at all, or none that would be measured.
        """
        if self._tree is None or (
            newest_pid is not None and newest_pid == self.source.newest_pid()
        ):
            return None
        with self._finding:
            try:
                identities, _ = self._identify(self._tree.unseen(self.source.list_processes()))
            except ListingError:
                return ()
        return [identity for identity in identities.values() if identity is not None]

    def _track(self, identities: Mapping[int, Identity | None]) -> None:
        kept = {}
        for node in self._nodes:
            known = self._tracked.pop(node.key, None)
            kept[node.key] = known or Tracked(
                node,
                self.source,
                identities.get(node.key.pid),
                command_line=self.scope.command_lines,
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
        return sweeper.sweep(
            Tick(0, 0.0, 0), time.monotonic(), interval_s=math.inf, repeats=REPEATS_OF_ONE
        )
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
