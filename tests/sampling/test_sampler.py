"""The tick loop over made-up processes, which change once a sweep and not by the clock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest

from memstat.errors import TooManyDescriptors
from memstat.model import Snapshot
from memstat.sampling.liveness import alive, targets_ended
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweep, Sweeper
from memstat.testing import FakeProc, FakeProcess
from tests.scopes import scope_of

pytestmark = pytest.mark.anyio

MIB = 1 << 20
FAST_S = 0.001
NEVER_S = 1000.0


class ScriptedProc(FakeProc):
    """A system to which one thing happens just before each sweep of a ``ScriptedSweeper``."""

    def __init__(self) -> None:
        self.script: list[Callable[[], object]] = []
        super().__init__()


class ScriptedSweeper(Sweeper):
    """Lets the next thing happen before each sweep."""

    has_gone_on = False

    def begin_quickly(self) -> Sweep | None:
        self._go_on()
        sweep = super().begin_quickly()
        self.has_gone_on = sweep is None
        return sweep

    def begin(self, *, walk: bool = False) -> Sweep:
        # Of a small tree, that was tried before.
        if not self.has_gone_on:
            self._go_on()
        self.has_gone_on = False
        return super().begin(walk=walk)

    def _go_on(self) -> None:
        if isinstance(self.source, ScriptedProc) and self.source.script:
            self.source.script.pop(0)()


def sampler_of(
    proc: FakeProc, root: FakeProcess, interval_s: float = FAST_S, **options: Any
) -> Sampler:
    """Return a sampler of a tree, by default until its root has ended."""
    options.setdefault("has_ended", partial(targets_ended, {root.key}))
    return Sampler(ScriptedSweeper(proc, scope_of(root.key)), interval_s, **options)


class SweptTogether(Sweep):
    """A sweep with readers that wait for each other before they read."""

    def __init__(self, sweep: Sweep, barrier: threading.Barrier) -> None:
        self.__dict__ = sweep.__dict__
        self._barrier = barrier
        self.shared_by = 0

    def drain(self) -> None:
        if self._barrier.wait(20) == 0:
            self.shared_by = self._barrier.parties
        super().drain()


class ReadTogether(Sweeper):
    """Has this many readers at each sweep."""

    def __init__(self, proc: FakeProc, root: FakeProcess, readers_of_sweeps: list[int]) -> None:
        super().__init__(proc, scope_of(root.key))
        self._barriers = [threading.Barrier(readers) for readers in readers_of_sweeps]
        self.sweeps: list[SweptTogether] = []

    @property
    def readers(self) -> int:
        return sum(sweep.shared_by for sweep in self.sweeps)

    def begin(self, *, walk: bool = False) -> Sweep:
        sweep = SweptTogether(super().begin(walk=walk), self._barriers.pop(0))
        self.sweeps.append(sweep)
        return sweep


@pytest.mark.parametrize(("children", "most_readers"), [(7, 1), (127, 1), (128, 2), (900, 8)])
async def test_a_large_tree_is_shared_by_as_many_readers_as_cores_a_small_one_is_not(
    children: int, most_readers: int
) -> None:
    proc = FakeProc()
    root = proc.start("root", MIB)
    for _ in range(children):
        root.fork(MIB)
    allowed = os.sched_getaffinity(0)
    readers = min(most_readers, len(allowed))
    sweeper = ReadTogether(proc, root, [readers])
    sampler = Sampler(sweeper, FAST_S, has_ended=lambda _: True)
    await sampler.run()
    assert sweeper.readers == readers
    assert sampler.tally.peak is not None
    assert sampler.tally.peak.pss_bytes == (1 + children) * MIB
    assert os.sched_getaffinity(0) == allowed


async def test_a_few_large_processes_are_shared_by_readers_once_their_size_is_known() -> None:
    proc = FakeProc()
    root = proc.start("root", MIB)
    for _ in range(3):
        root.fork(500 * MIB)
    readers = min(2, len(os.sched_getaffinity(0)))
    sweeper = ReadTogether(proc, root, [1, readers])
    sampler = Sampler(sweeper, FAST_S, has_ended=lambda _: sampler.tally.stats.samples == 2)
    await sampler.run()
    assert sweeper.readers == 1 + readers
    assert sampler.tally.peak is not None
    assert sampler.tally.peak.pss_bytes == 1501 * MIB


async def test_the_peak_is_taken_from_every_snapshot_without_any_consumer() -> None:
    proc = ScriptedProc()
    root = proc.start("root", 0)
    sizes = [1, 7, 3, 9, 2, 9, 1]
    proc.script = [*(lambda size=size: root.use(size * MIB) for size in sizes), root.end]
    sampler = sampler_of(proc, root)
    await sampler.run()
    assert sampler.tally.peak is not None
    assert sampler.tally.peak.pss_bytes == 9 * MIB
    assert sampler.tally.stats.samples == len(sizes)
    # The earlier of the two largest: three sweeps came before it.
    assert sampler.tally.peak.snapshot.tick >= 3
    assert sampler.snapshots.value is not None
    assert sampler.snapshots.value.total.pss_bytes == MIB


async def test_the_end_of_the_target_is_no_sample() -> None:
    proc = ScriptedProc()
    root = proc.start("root", MIB)
    proc.script = [root.end]
    sampler = sampler_of(proc, root)
    await sampler.run()
    assert sampler.tally.stats.samples == 0
    assert sampler.tally.peak is None
    assert sampler.last_sweep is not None
    assert alive(sampler.last_sweep) == ()
    assert [snapshot async for snapshot in sampler.snapshots] == []


async def test_kept_and_missed_ticks_are_all_that_were_due() -> None:
    proc = FakeProc()
    snapshots: list[Snapshot] = []

    def take_thirty(snapshot: Snapshot) -> bool:
        snapshots.append(snapshot)
        return len(snapshots) == 30

    await sampler_of(proc, proc.start("root", MIB), has_ended=take_thirty).run()
    for kept, snapshot in enumerate(snapshots, 1):
        assert kept + snapshot.missed_ticks == snapshot.tick + 1


async def test_stopping_takes_a_last_sample_at_once() -> None:
    proc = FakeProc()
    root = proc.start("root", MIB)
    sampler = sampler_of(proc, root, NEVER_S)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sampler.run)
        first = await anext(aiter(sampler.snapshots))
        root.use(5 * MIB)
        sampler.stop()
    assert sampler.snapshots.value is not None
    assert sampler.snapshots.value.total.pss_bytes == 5 * MIB
    assert (first.tick, sampler.snapshots.value.tick) == (0, 0)
    assert (sampler.tally.stats.samples, sampler.tally.stats.missed_ticks) == (2, 0)
    assert sampler.tally.peak is not None
    assert sampler.tally.peak.pss_bytes == 5 * MIB


async def test_a_slow_consumer_misses_snapshots_and_gets_the_last() -> None:
    proc = ScriptedProc()
    root = proc.start("root", 0)
    proc.script = [*(lambda n=n: root.use(n * MIB) for n in range(1, 21)), root.end]
    sampler = sampler_of(proc, root)
    got: list[int | None] = []
    async with anyio.create_task_group() as tasks:
        ended = anyio.Event()

        async def run() -> None:
            await sampler.run()
            ended.set()

        tasks.start_soon(run)
        async for snapshot in sampler.snapshots:
            got.append(snapshot.total.pss_bytes)
            await ended.wait()
    assert len(got) <= 2
    assert got[-1] == 20 * MIB
    assert sampler.tally.stats.samples == 20


async def test_a_watch_of_the_target_ends_though_descendants_live() -> None:
    proc = ScriptedProc()
    root = proc.start("root", MIB)
    root.fork(2 * MIB)
    proc.script = [lambda: None, root.end]
    sampler = sampler_of(proc, root)
    await sampler.run()
    # The sweep that found the target ended still holds its child.
    assert sampler.tally.stats.samples == 2
    assert sampler.last_sweep is not None
    assert [process.depth for process in alive(sampler.last_sweep)] == [1]


async def test_a_watch_of_several_targets_goes_on_until_the_last_has_ended() -> None:
    proc = ScriptedProc()
    root = proc.start("root", MIB)
    child = root.fork(2 * MIB)
    proc.script = [lambda: None, root.end, root.reap, lambda: child.use(8 * MIB), child.end]
    sampler = sampler_of(proc, root, has_ended=partial(targets_ended, {root.key, child.key}))
    await sampler.run()
    assert sampler.tally.stats.samples == 4
    assert sampler.tally.peak is not None
    assert sampler.tally.peak.pss_bytes == 8 * MIB


async def test_a_limit_is_exceeded_by_the_first_larger_total() -> None:
    proc = ScriptedProc()
    root = proc.start("root", 0)
    sizes = [3, 4, 5, 9, 1]
    proc.script = [*(lambda size=size: root.use(size * MIB) for size in sizes), root.end]
    sampler = sampler_of(proc, root, max_pss_bytes=4 * MIB)
    await sampler.run()
    assert sampler.limit_exceeded.is_set()
    assert sampler.tally.limit is not None
    assert sampler.tally.limit.exceeded is not None
    assert sampler.tally.limit.exceeded.total.pss_bytes == 5 * MIB


async def test_a_total_as_large_as_the_limit_is_within_it() -> None:
    proc = ScriptedProc()
    root = proc.start("root", 4 * MIB)
    proc.script = [lambda: None, root.end]
    sampler = sampler_of(proc, root, max_pss_bytes=4 * MIB)
    await sampler.run()
    assert not sampler.limit_exceeded.is_set()
    assert sampler.tally.limit is not None
    assert sampler.tally.limit.exceeded is None
    assert sampler_of(proc, root).tally.limit is None


async def test_a_denied_target_is_alive_though_nothing_of_it_is_known() -> None:
    proc = ScriptedProc()
    root = proc.start("root", MIB)
    root.denied = True
    proc.script = [*[lambda: None] * 3, root.end]
    sampler = sampler_of(proc, root)
    await sampler.run()
    assert (sampler.tally.stats.samples, sampler.tally.stats.incomplete_samples) == (3, 3)
    assert sampler.tally.peak is None


async def test_a_large_tree_is_read_whole() -> None:
    proc = ScriptedProc()
    root = proc.start("root", MIB)
    for _ in range(200):
        root.fork(MIB)
    proc.script = [*[lambda: None] * 5, root.end]
    sampler = sampler_of(proc, root)
    await sampler.run()
    assert sampler.tally.peak is not None
    assert sampler.tally.peak.pss_bytes == 201 * MIB
    assert sampler.tally.peak.snapshot.complete


@pytest.mark.parametrize("children", [0, 40])
async def test_a_failure_comes_out_as_itself_and_ends_every_iteration(children: int) -> None:
    proc = FakeProc()
    root = proc.start("root", MIB)
    for _ in range(children):
        root.fork(MIB)
    root.error = TooManyDescriptors("none left")
    sampler = sampler_of(proc, root)
    with pytest.raises(TooManyDescriptors, match="none left"):
        await sampler.run()
    assert [snapshot async for snapshot in sampler.snapshots] == []
    assert proc.open_readers == 0


async def test_nothing_is_left_open_at_the_end_or_after_a_cancellation() -> None:
    proc = ScriptedProc()
    root = proc.start("root", MIB)
    proc.script = [lambda: None, root.end]
    await sampler_of(proc, root).run()
    assert proc.open_readers == 0
    other = proc.start("other", MIB)
    sampler = sampler_of(proc, other, NEVER_S)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sampler.run)
        await anext(aiter(sampler.snapshots))
        assert proc.open_readers == 1
        tasks.cancel_scope.cancel()
    assert proc.open_readers == 0
    assert [snapshot.tick async for snapshot in sampler.snapshots] == [0]
