"""The tick loop: sweeps in worker threads, tallies every snapshot and hands out the newest."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, TypeVarTuple, Unpack

import anyio
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar

from memstat.background import in_thread
from memstat.model import ProcessKey, Snapshot
from memstat.proc.tree import Scope
from memstat.results import Mark
from memstat.sampling.clock import Tick, TickGrid
from memstat.sampling.cores import cores, kept_on
from memstat.sampling.liveness import tree_ended
from memstat.sampling.newest import Newest
from memstat.sampling.observer import Observer
from memstat.sampling.rate import Rate
from memstat.sampling.sweep import Sweep, Sweeper
from memstat.sampling.tally import Tally
from memstat.sampling.torn import REPEATS, is_worth_repeating

if TYPE_CHECKING:  # Most measurements do without it.
    from memstat.mappings import Mappings

_COARSE_S: Final = 0.02
"""Between ticks that are so far apart, a millisecond more or less does not matter."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Sampler:
    """Takes a snapshot at each tick until ``has_ended`` is true of one, or ``stop`` is called.

    The tally takes in every snapshot, whatever reads ``snapshots`` and however slowly.
    """

    def __init__(
        self,
        sweeper: Sweeper,
        interval_s: float | None,
        *,
        has_ended: Callable[[Snapshot], bool],
        max_pss_bytes: int | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Without an interval it samples as often as a small part of a core allows."""
        self.observers = [*observers]
        """What gets every snapshot and mark."""
        self._rate = Rate(interval_s)
        interval_s = self._rate.interval_s
        self.tally = Tally(interval_s, max_pss_bytes=max_pss_bytes)
        self.snapshots: Newest[Snapshot] = Newest()
        self.limit_exceeded = anyio.Event()
        """Set by the first snapshot with a total larger than ``max_pss_bytes``."""
        self.last_sweep: Snapshot | None = None
        """What the last sweep found, also when it found that the tree has ended."""
        self._has_ended = has_ended
        self._sweeper = sweeper
        self._sweeper.expect(interval_s)
        self._grid = TickGrid(interval_s)
        self.cost_s = 0.0
        """The CPU time that sweeps have taken since the last tick."""
        self._owed_s: list[Mapping[ProcessKey, float]] = []
        self._started_s = round(time.monotonic(), 6)
        self._is_stopped = False
        self._pausing: anyio.CancelScope | None = None
        self._wait: Callable[[float], Awaitable[None]] = anyio.sleep

    def stop(self) -> None:
        """Take one last sample and return."""
        self._is_stopped = True
        if self._pausing is not None:
            self._pausing.cancel()

    def reset_peak(self) -> None:
        self.tally.reset(self._elapsed_s())

    def resumed(self) -> None:
        """Note that this process was stopped until now (SIGCONT)."""
        self.tally.resumed(self._elapsed_s())

    def mark(self, name: str) -> Mark:
        mark = self.tally.mark(name, self._elapsed_s())
        for observer in self.observers:
            observer.take_mark(mark)
        return mark

    async def map(self, found: Snapshot) -> Mappings:
        """Read what the memory of the processes of a snapshot consists of now.

        The budget is charged. Raises TooManyDescriptors.
        """
        from memstat.sampling.mapped import map_processes  # noqa: PLC0415 - seldom needed

        mapped = await in_thread(
            partial(
                map_processes,
                self._sweeper,
                found.processes,
                missing_reason=found.missing_reason,
                elapsed_s=self._elapsed_s(),
            )
        )
        # Not now: a sweep may be under way.
        self._owed_s.append(mapped.costs_s)
        return mapped.mappings

    @property
    def budget(self) -> float:
        """The part of its time for which walks may hold a process up."""
        return self._sweeper.policy.budget

    @property
    def scope(self) -> Scope:
        """Which processes it measures."""
        return self._sweeper.scope

    @property
    def interval_s(self) -> float:
        """The time between two ticks now."""
        return self._rate.interval_s

    async def run(self) -> None:
        """Sample until the end. Raises TooManyDescriptors."""
        self._started_s = round(time.monotonic(), 6)
        with ExitStack() as cleanup:
            cleanup.callback(self._sweeper.close)
            cleanup.callback(self.snapshots.close)
            self._choose_wait(cleanup)
            while True:
                if await self._sample(self._grid.begin(self._elapsed_s())):
                    return
                self._adapt()
                await self._pause()
                if self._is_stopped:
                    await self._sample(self._grid.begin_last(self._elapsed_s()))
                    return

    def _choose_wait(self, cleanup: ExitStack) -> None:
        """Wait precisely where ticks are close together."""
        if self._grid.interval_s >= _COARSE_S:
            return
        from memstat.sampling.alarm import Alarm  # noqa: PLC0415 - ctypes, which few need

        # Without a descriptor left, it waits as event loops do.
        with suppress(OSError):
            alarm = Alarm()
            cleanup.callback(alarm.close)
            self._wait = alarm.wait

    async def _pause(self) -> None:
        """Wait for the next tick, or until it is to stop."""
        if self._is_stopped:
            return
        # A scope to cancel costs a fraction of one with a deadline.
        with anyio.CancelScope() as self._pausing:
            await self._wait(max(0.0, self._grid.next_s - self._elapsed_s()))
        self._pausing = None

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    async def _sample(self, tick: Tick) -> bool:
        """Take a snapshot; whether it shows the end."""
        while self._owed_s:
            self._sweeper.estimator.owe(self._owed_s.pop(), self._sweeper.clock())
        snapshot = await self._sweep(tick)
        self.last_sweep = snapshot
        # A sweep that finds nothing alive shows that the tree has ended, not that it used 0 bytes.
        if tree_ended(snapshot):
            self.tally.end(snapshot.elapsed_s)
        else:
            self.tally.observe(snapshot)
            for observer in self.observers:
                observer.take_snapshot(snapshot)
            if self.tally.limit is not None and self.tally.limit.exceeded is not None:
                self.limit_exceeded.set()
            self.snapshots.publish(snapshot)
        return self._has_ended(snapshot)

    def _adapt(self) -> None:
        """Sample more or less often from now on, where that is free."""
        if self._rate.observe(self.cost_s):
            self._grid.change(self._rate.interval_s)
            self._sweeper.expect(self._rate.interval_s)
            self.tally.change_interval(self._elapsed_s(), self._rate.interval_s)
        self.cost_s = 0.0

    async def _sweep(self, tick: Tick) -> Snapshot:
        """Sweep; again at once where that was torn and short, or a limit depends on a guess."""
        snapshot = await self._sweep_once(tick)
        for _ in range(REPEATS):
            if self.tally.is_limit_undecided(snapshot):
                snapshot = await self._sweep_once(tick, walk=True)
            elif is_worth_repeating(snapshot, self._grid.interval_s):
                snapshot = await self._sweep_once(tick)
            else:
                break
        return snapshot

    async def _sweep_once(self, tick: Tick, *, walk: bool = False) -> Snapshot:
        begun: Sweep | Snapshot | None = None
        # A glance at a few processes is done sooner than a thread wakes, and takes no lock.
        if not walk and self._sweeper.is_small:
            begun = self._glance_quickly(tick)
        if not isinstance(begun, Snapshot):
            begun = await _in_reader_thread(self._go_on, begun, tick, walk)
        if isinstance(begun, Snapshot):
            return begun
        async with anyio.create_task_group() as shards:
            for core in cores()[: begun.readers]:
                shards.start_soon(_in_reader_thread, self._drain_on, core, begun)
        # Not on the loop: for hundreds of processes this takes a millisecond.
        return await _in_reader_thread(self._finish, begun, tick)

    def _glance_quickly(self, tick: Tick) -> Sweep | Snapshot | None:
        """Return the snapshot, or the sweep where it has walks to do; ``None`` without either."""
        with _CountingCost(self):
            sweep = self._sweeper.begin_quickly()
            if sweep is None or sweep.walks:
                return sweep
            return sweep.finish(tick, self._started_s)

    def _go_on(
        self,
        begun: Sweep | None,
        tick: Tick,
        walk: bool,  # noqa: FBT001 - for a thread
    ) -> Sweep | Snapshot:
        """Sweep a small tree to the end; of a large one, only glance at it, for several readers."""
        with _CountingCost(self):
            sweep = begun or self._sweeper.begin(walk=walk)
            if sweep.readers > 1:
                return sweep
            sweep.drain()
            return sweep.finish(tick, self._started_s)

    def _drain_on(self, core: int, sweep: Sweep) -> None:
        with _CountingCost(self), kept_on(core):
            sweep.drain()

    def _finish(self, sweep: Sweep, tick: Tick) -> Snapshot:
        with _CountingCost(self):
            return sweep.finish(tick, self._started_s)


class _CountingCost:
    """Adds to the cost of a sampler what a block takes; sooner made than a generator."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._began_s = 0.0

    def __enter__(self) -> None:
        self._began_s = time.thread_time()

    def __exit__(self, *_: object) -> None:
        self._sampler.cost_s += time.thread_time() - self._began_s


_limiter: RunVar[CapacityLimiter] = RunVar("memstat_readers")


async def _in_reader_thread(work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
    return await in_thread(work, *arguments, limiter=reader_limiter())


def reader_limiter() -> CapacityLimiter:
    """Return what lets in as many reader threads as cores, for all samplers of this loop."""
    try:
        return _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(len(cores()))
        _limiter.set(limiter)
        return limiter
