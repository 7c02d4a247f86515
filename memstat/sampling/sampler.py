"""The tick loop: sweeps by worker threads, keeps the peak, hands out snapshots."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar, TypeVarTuple, Unpack

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from memstat.model import Limit, Mark, Peak, ProcessSample, SamplingStats, Snapshot
from memstat.sampling.clock import Tick, TickGrid
from memstat.sampling.cores import cores, kept_on
from memstat.sampling.liveness import alive
from memstat.sampling.newest import Newest
from memstat.sampling.sweep import Sweeper
from memstat.sampling.tally import Phases, RunningStats

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_Swept = tuple[Snapshot, tuple[ProcessSample, ...]]
"""A snapshot, and whom of it is alive."""

_WORTH_A_THREAD_BYTES: Final = 1 << 30
"""What one thread reads sooner than it wakes another to share it with: see ``weight_bytes``."""


class Sampler:
    """Takes a snapshot at each tick until ``has_ended`` says so of one, or ``stop`` is called.

    The peak is taken from every snapshot, whoever looks at them and however slowly.
    """

    def __init__(
        self,
        sweeper: Sweeper,
        interval_s: float,
        *,
        has_ended: Callable[[Snapshot], bool],
        max_pss_bytes: int | None = None,
    ) -> None:
        self.snapshots: Newest[Snapshot] = Newest()
        self.has_ended = has_ended
        self._sweeper = sweeper
        self._grid = TickGrid(interval_s)
        self._started_s = time.monotonic()
        self._phases = Phases()
        self._stats = RunningStats(interval_s)
        self._stopped = anyio.Event()
        self._max_pss_bytes = max_pss_bytes
        self._over_limit: Snapshot | None = None
        self.limit_exceeded = anyio.Event()
        """Set by the first snapshot whose total is larger than ``max_pss_bytes``."""
        self.alive: tuple[ProcessSample, ...] = ()
        """Whom the last sweep of all found alive."""

    @property
    def peak(self) -> Peak | None:
        return self._phases.peak

    @property
    def whole_peak(self) -> Peak | None:
        return self._phases.whole_peak

    @property
    def marks(self) -> tuple[Mark, ...]:
        return self._phases.marks

    @property
    def stats(self) -> SamplingStats:
        return self._stats.stats()

    @property
    def limit(self) -> Limit | None:
        if self._max_pss_bytes is None:
            return None
        return Limit(self._max_pss_bytes, self._over_limit)

    def stop(self) -> None:
        """Take one last sample and return."""
        self._stopped.set()

    def reset_peak(self) -> None:
        self._phases.reset(self._elapsed_s())

    def mark(self, name: str) -> Mark:
        return self._phases.mark(name, self._elapsed_s())

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
        snapshot, self.alive = await self._sweep(tick)
        # A sweep that found nobody alive says that it is over, not that the memory was 0.
        if self.alive:
            self._phases.observe(snapshot)
            self._stats.observe(snapshot)
            self._check_limit(snapshot)
            self.snapshots.publish(snapshot)
        return self.has_ended(snapshot)

    def _check_limit(self, snapshot: Snapshot) -> None:
        total, most = snapshot.total.pss_bytes, self._max_pss_bytes
        if total is None or most is None or self._over_limit is not None:
            return
        if total > most:
            self._over_limit = snapshot
            self.limit_exceeded.set()

    async def _sweep(self, tick: Tick) -> _Swept:
        swept, readers = await _in_reader_thread(self._begin, tick)
        if swept is not None:
            return swept
        async with anyio.create_task_group() as shards:
            for core in cores()[:readers]:
                shards.start_soon(_in_reader_thread, self._drain, core)
        return await _in_reader_thread(self._finish, tick)

    def _begin(self, tick: Tick) -> tuple[_Swept | None, int]:
        """Sweep a small tree in one go; of a large one, only find it and count readers for it."""
        self._sweeper.begin()
        readers = -(-self._sweeper.weight_bytes // _WORTH_A_THREAD_BYTES)
        if readers > 1:
            return None, readers
        self._sweeper.drain()
        return self._finish(tick), readers

    def _drain(self, core: int) -> None:
        with kept_on(core):
            self._sweeper.drain()

    def _finish(self, tick: Tick) -> _Swept:
        # Not on the loop: for hundreds of processes this takes a millisecond.
        snapshot = self._sweeper.finish(tick, self._started_s)
        return snapshot, alive(snapshot)


_limiter: RunVar[CapacityLimiter] = RunVar("memstat_readers")


async def _in_reader_thread(work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
    return await to_thread.run_sync(work, *arguments, limiter=reader_limiter())


def reader_limiter() -> CapacityLimiter:
    """Return what lets in as many reader threads as cores, for all samplers of this loop."""
    try:
        return _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(len(cores()))
        _limiter.set(limiter)
        return limiter
