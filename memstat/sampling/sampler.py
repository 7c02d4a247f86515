"""The tick loop: sweeps by worker threads, keeps the peak, hands out snapshots."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from memstat.model import Peak, ProcessSample, ReadStatus, SamplingStats, Snapshot
from memstat.sampling.clock import Tick, TickGrid
from memstat.sampling.newest import Newest
from memstat.sampling.peak import RunningPeak, RunningStats
from memstat.sampling.sweep import Sweeper

_WORTH_A_THREAD: Final = 8
"""Processes per reader: for fewer, waking another thread takes longer than reading them."""

_ALIVE: Final = frozenset({ReadStatus.MEASURED, ReadStatus.DENIED})


def target_ended(snapshot: Snapshot) -> bool:
    """Whether no target itself is alive; descendants may be."""
    return not any(p.depth == 0 and p.status in _ALIVE for p in snapshot.processes)


def tree_ended(snapshot: Snapshot) -> bool:
    """Whether nobody of the tree is alive."""
    return not any(p.status in _ALIVE for p in snapshot.processes)


class Sampler:
    """Takes a snapshot at each tick until ``has_ended`` says so of one, or ``stop`` is called.

    The peak is taken from every snapshot, whoever looks at them and however slowly.
    """

    def __init__(
        self, sweeper: Sweeper, interval_s: float, *, has_ended: Callable[[Snapshot], bool]
    ) -> None:
        self.snapshots: Newest[Snapshot] = Newest()
        self.has_ended = has_ended
        self._sweeper = sweeper
        self._grid = TickGrid(interval_s)
        self._started_s = time.monotonic()
        self._peak = RunningPeak()
        self._stats = RunningStats(interval_s)
        self._stopped = anyio.Event()
        self.alive: tuple[ProcessSample, ...] = ()
        """Whom the last sweep of all found alive."""

    @property
    def peak(self) -> Peak | None:
        return self._peak.peak

    @property
    def stats(self) -> SamplingStats:
        return self._stats.stats()

    def stop(self) -> None:
        """Take one last sample and return."""
        self._stopped.set()

    async def run(self) -> None:
        """Sample until the end. Raises TooManyDescriptors."""
        self._started_s = time.monotonic()
        try:
            while True:
                if await self._sample(self._grid.begin(self._elapsed_s())):
                    return
                with anyio.move_on_after(self._grid.next_s - self._elapsed_s()):
                    await self._stopped.wait()
                if self._stopped.is_set():
                    await self._sample(self._grid.begin_last(self._elapsed_s()))
                    return
        finally:
            self.snapshots.close()
            self._sweeper.close()

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    async def _sample(self, tick: Tick) -> bool:
        """Take a snapshot; whether it shows the end."""
        await self._sweep()
        snapshot = self._sweeper.finish(tick, self._started_s)
        self.alive = tuple(p for p in snapshot.processes if p.status in _ALIVE)
        # A sweep that found nobody alive says that it is over, not that the memory was 0.
        if self.alive:
            self._peak.observe(snapshot)
            self._stats.observe(snapshot)
            self.snapshots.publish(snapshot)
        return self.has_ended(snapshot)

    async def _sweep(self) -> None:
        await _in_reader_thread(self._sweeper.begin)
        readers = min(_cores(), -(-self._sweeper.waiting // _WORTH_A_THREAD))
        if readers == 1:
            await _in_reader_thread(self._sweeper.drain)
        elif readers > 1:
            async with anyio.create_task_group() as shards:
                for _ in range(readers):
                    shards.start_soon(_in_reader_thread, self._sweeper.drain)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


_limiter: RunVar[CapacityLimiter] = RunVar("memstat_readers")


async def _in_reader_thread(work: Callable[[], None]) -> None:
    """Run in one of the reader threads, as many as cores, that all samplers of a loop share."""
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(_cores())
        _limiter.set(limiter)
    await to_thread.run_sync(work, limiter=limiter)
