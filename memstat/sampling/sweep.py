"""One sweep: find the tree, glance at every process of it, walk where it matters, add up.

Blocking; knows no event loop.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Final

from memstat.deferred import DeferredSnapshot
from memstat.errors import MemstatError
from memstat.model import (
    Identity,
    Memory,
    ProcessKey,
    ProcessSample,
    ReadStatus,
    Snapshot,
)
from memstat.proc.source import ProcSource
from memstat.proc.tree import Node, Scope
from memstat.sampling.changes import torn_families
from memstat.sampling.clock import Clock, Tick
from memstat.sampling.doubles import Doubles
from memstat.sampling.estimator import Estimator
from memstat.sampling.finder import Finder
from memstat.sampling.policy import EXACT, Policy
from memstat.sampling.torn import REPEATS, REPEATS_OF_ONE, is_worth_repeating, tolerance_bytes
from memstat.sampling.tracked import Tracked

_PROCESS_BYTES: Final = 8 << 20
"""Walking a process takes as long as the kernel needs for this much memory besides its own."""
_WORTH_A_THREAD_BYTES: Final = 1 << 30
"""One thread walks this much sooner than it wakes another to share it with."""

_FEW: Final = 64
"""Glances at so many processes take less than a millisecond."""
_FEW_ALONE: Final = 512
"""And at so many some milliseconds: less than a frame of a terminal."""


class Sweep:
    """One sweep under way, made by ``Sweeper.begin``: every process has been glanced at.

    Any number of threads call ``drain``, once each, to share the walks; when all have returned,
    ``finish`` adds up.
    """

    def __init__(
        self,
        sweeper: Sweeper,
        tracked: Sequence[Tracked],
        began: tuple[float, float],
        *,
        missing_reason: str | None,
        walks: bool,
    ) -> None:
        """``tracked`` is in the order of the tree, as the samples are."""
        self.began_s, self._began_unix_s = began
        self.walks = walks
        """Whether it walks the processes, and not only glances at them."""
        self._sweeper = sweeper
        self.missing_reason = missing_reason
        """Why processes may be missing from the tree; ``None`` when none are."""
        self._tracked = tracked
        to_walk = [one for one in tracked if walks and one.glance is not None]
        # Large ones first: a thread that began the largest last would hold up all others.
        self._waiting = deque(sorted(to_walk, key=_rss_bytes, reverse=True))
        self._failure: MemstatError | None = None

    @property
    def waiting(self) -> tuple[ProcessKey, ...]:
        """The processes that are still to be walked, in this order."""
        return tuple(tracked.node.key for tracked in self._waiting)

    @property
    def found(self) -> tuple[ProcessSample, ...]:
        """What is known of the processes, in the order of the tree, before any is walked."""
        return tuple(tracked.sample(self.began_s) for tracked in self._tracked)

    @property
    def readers(self) -> int:
        """How many threads are worth their while, by the RSS of what is still to be walked."""
        weight_bytes = sum(tracked.rss_bytes + _PROCESS_BYTES for tracked in self._waiting)
        return max(1, -(-weight_bytes // _WORTH_A_THREAD_BYTES))

    def drain(self) -> None:
        """Walk processes until none is left; a failure is kept for ``finish``."""
        try:
            while (tracked := self._take()) is not None:
                tracked.walk()
        except MemstatError as error:
            self._failure = error
            self._waiting.clear()

    def finish(self, tick: Tick, started_s: float) -> Snapshot:
        """Return what was read. Raises TooManyDescriptors if nothing could be."""
        if self._failure is not None:
            raise self._failure
        estimator = self._sweeper.estimator
        walk_s, torn = None, set[int]()
        if self.walks:
            sweeper = self._sweeper
            torn = torn_families(
                self._tracked,
                sweeper.finder.arrivals,
                is_whole_tree=sweeper.scope.recursive,
            )
            walk_s = estimator.take_walks(self._tracked, torn, self.began_s)
        rows = estimator.rows(self._tracked, self.began_s)
        total = estimator.total(rows.undated)
        is_torn = bool(torn) and _is_uncertain(total)
        elapsed_s = self.began_s - started_s
        return DeferredSnapshot(
            tick=tick.number,
            unix_time_s=self._began_unix_s,
            elapsed_s=elapsed_s,
            late_s=max(0.0, elapsed_s - tick.due_s),
            missed_ticks=tick.missed_ticks,
            sweep_s=self._sweeper.clock() - self.began_s,
            complete=estimator.has_all and self.missing_reason is None and not is_torn,
            total=total,
            processes=rows,  # type: ignore[arg-type]  # made later
            torn=is_torn,
            missing_reason=self.missing_reason,
            spikes_bytes=sum([one.take_spike() for one in self._tracked if one.spike_bytes]),
            walk_s=walk_s,
            held_share=estimator.held_share(self.began_s),
        )

    def _take(self) -> Tracked | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            # Also when another thread took the last one this very moment.
            return None


class Sweeper:
    """Sweeps the trees of some processes again and again, one sweep at a time."""

    def __init__(
        self,
        source: ProcSource,
        scope: Scope,
        policy: Policy = EXACT,
        interval_s: float = math.inf,
        *,
        owns_loop: bool = False,
        clock: Clock = time.monotonic,
    ) -> None:
        """``owns_loop`` says that nothing but memstat waits for the event loop."""
        self.source = source
        self.scope = scope
        self.policy = policy
        self.clock = clock
        self.finder = Finder(source, scope, clock)
        self.estimator = Estimator(policy, interval_s)
        self._nodes: tuple[Node, ...] = ()
        self._tracked: dict[ProcessKey, Tracked] = {}
        self._families: Sequence[int] = ()
        """That of each process, when they were last counted."""
        self._parents: Sequence[int] = ()
        """Likewise."""
        self._have_some_left = False
        """Whether a process has ended since the last look at all.

        Its children have another parent, which stands beside the faults.
        """
        self._may_leave = False
        """Whether the last look at all showed one that may be about to end: it has no memory."""
        self._doubles = Doubles(source.order_of_memory)
        self._few = _FEW_ALONE if owns_loop else _FEW

    def expect(self, interval_s: float) -> None:
        """Note how far apart its sweeps will be: what a walk may cost depends on it."""
        self.estimator.expect(interval_s)

    def recursively(self) -> Sweeper:
        """Return a sweeper of the same scope with all descendants: this one if it has them."""
        if self.scope.recursive:
            return self
        scope = self.scope._replace(recursive=True)
        return Sweeper(self.source, scope, self.policy, clock=self.clock)

    @property
    def is_small(self) -> bool:
        """Whether the last sweep found few enough processes to glance at on the event loop."""
        return len(self._tracked) <= self._few

    def begin(self, *, walk: bool = False) -> Sweep:
        """Find the tree, glance at it, and return the sweep: with ``walk`` it walks in any case.

        Raises TooManyDescriptors.
        """
        began = self._now()
        found = self.finder.catch_up()
        has_others = self._track(found.nodes, found.identities)
        if self._look() or has_others:
            # And after the looks: what has called execve may have forked since, all in one tick.
            self._relate()
            self._doubles.mark(self._tracked.values())
        return self._sweep(began, found.missing_reason, walk=walk)

    def begin_quickly(self) -> Sweep | None:
        """Do as ``begin`` where glances alone show what there is; ``None``: call ``begin``.

        It takes no lock of a process and waits for nothing, so that an event loop may call it. But
        the sweep may have walks to do, which take one.
        """
        began = self._now()
        found = self.finder.catch_up_quickly()
        if found is None:
            return None
        self._track(found.nodes, found.identities)
        some_left = self._have_some_left
        for tracked in self._tracked.values():
            if not tracked.look_quickly(
                with_faults=some_left or tracked.has_relatives,
                with_parent=some_left or not tracked.has_parent,
            ):
                return None
        self._have_some_left = False
        return self._sweep(began, None, walk=False)

    def sweep(
        self,
        tick: Tick,
        started_s: float,
        *,
        interval_s: float,
        walk: bool = True,
        repeats: int = REPEATS,
    ) -> Snapshot:
        """Return a snapshot, read by the calling thread alone; again where it is torn."""
        while True:
            sweep = (None if walk else self.begin_quickly()) or self.begin(walk=walk)
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
        return self.finder.find().nodes

    def close(self) -> None:
        """Close every reader, and what the source keeps open."""
        for tracked in self._tracked.values():
            tracked.close()
        self._tracked.clear()
        self.source.close()

    def _now(self) -> tuple[float, float]:
        # To the microsecond, as it is reported: the differences of what is reported are exact too.
        return round(self.clock(), 6), time.time()

    def _sweep(
        self, began: tuple[float, float], missing_reason: str | None, *, walk: bool
    ) -> Sweep:
        tracked = [*self._tracked.values()]
        is_due = self.estimator.take_glances(tracked, began[0])
        return Sweep(self, tracked, began, missing_reason=missing_reason, walks=walk or is_due)

    def _look(self) -> bool:
        """Glance at every process; those that have ended since the last sweep leave.

        Returns whether any may be another than at the last sweep.
        """
        ended, is_any_new = [], False
        some_left, may_leave = self._have_some_left, self._may_leave
        self._may_leave = False
        for tracked in self._tracked.values():
            was_new = tracked.is_new
            if tracked.look(
                with_faults=some_left or tracked.has_relatives,
                with_parent=some_left or may_leave or not tracked.has_parent,
            ):
                is_any_new = True
            if tracked.glance is None:
                self._may_leave = may_leave = True
                if tracked.status is ReadStatus.GONE and not was_new:
                    ended.append(tracked)
        ended = [tracked for tracked in ended if self.finder.remove(tracked.node.key.pid)]
        self._have_some_left = bool(ended)
        for tracked in ended:
            tracked.close()
            del self._tracked[tracked.node.key]
        if ended:
            self._nodes = self.finder.members()
            self._place()
        return is_any_new

    def _track(self, nodes: tuple[Node, ...], identities: Mapping[int, Identity | None]) -> bool:
        """Track these processes; return whether they are others than before."""
        # While no process comes or goes, the tree is the same object.
        if nodes is self._nodes and self._tracked:
            return False
        self._nodes = nodes
        kept = {}
        for node in nodes:
            known = self._tracked.pop(node.key, None)
            kept[node.key] = known or Tracked(
                node,
                self.source,
                identities.get(node.key.pid),
                command_line=self.scope.command_lines,
                clock=self.clock,
            )
        ended_here = [*self._tracked.values()]
        for ended in ended_here:
            ended.close()
        self._tracked = kept
        self._have_some_left = self._have_some_left or bool(ended_here)
        self._place()
        # Before the looks: the parent of a child that has just been forked has relatives now.
        self._families = ()
        self._relate()
        return True

    def _relate(self) -> None:
        tracked = self._tracked.values()
        families, parents = [one.family for one in tracked], [one.ppid for one in tracked]
        if families != self._families or parents != self._parents:
            self._families, self._parents = families, parents
            sizes, pids = Counter(families), {key.pid for key in self._tracked}
            for one in tracked:
                one.has_relatives = sizes[one.family] > 1
                one.has_parent = one.ppid in pids

    def _place(self) -> None:
        for node in self._nodes:
            self._tracked[node.key].place(node)


_rss_bytes: Final = attrgetter("rss_bytes")


def sweep_once(source: ProcSource, scope: Scope) -> Snapshot:
    """Return one snapshot, read by the calling thread alone."""
    sweeper = Sweeper(source, scope)
    try:
        return sweeper.sweep(
            Tick(0, 0.0, 0), time.monotonic(), interval_s=math.inf, repeats=REPEATS_OF_ONE
        )
    finally:
        sweeper.close()


def _is_uncertain(total: Memory) -> bool:
    low, high = total.pss_low_bytes, total.pss_high_bytes
    return low is not None and high is not None and high - low > tolerance_bytes(high)
