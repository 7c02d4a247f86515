"""What a watch and a supervised command have in common, on every event loop."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping

import anyio
import pytest
from anyio import to_thread

import memstat
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.observation import Observation
from memstat.sampling.sampler import Sampler, reader_limiter
from memstat.sampling.sweep import Sweeper
from tests.scopes import scope_of
from tests.targets import Target, python

pytestmark = pytest.mark.anyio

GROWS_AND_SHRINKS = """
held = b""
while True:
    print("ready", flush=True)
    order = input()
    held = bytearray(int(order))
"""


class Grower:
    """A target that holds as many bytes as it is asked to."""

    def __init__(self, target: Target) -> None:
        self.pid = target.pid
        self._target = target
        target.line()

    async def hold(self, size_bytes: int) -> None:
        self._target.send(str(size_bytes))
        await anyio.to_thread.run_sync(self._target.line)


@pytest.fixture
def grower(start: Callable[..., Target]) -> Grower:
    return Grower(start(*python(GROWS_AND_SHRINKS)))


async def next_snapshots(watched: Observation, count: int) -> None:
    """Wait for so many snapshots that begin from now on."""
    async for snapshot in watched:
        count -= 1
        assert snapshot.complete
        if count < 0:
            return


def mebibytes(peak: memstat.Peak | None) -> float:
    assert peak is not None
    return peak.pss_bytes / (1 << 20)


async def test_phases_of_a_watch_have_their_own_peaks(grower: Grower) -> None:
    async with memstat.watch(grower.pid, interval_s=0.01) as watched:
        await next_snapshots(watched, 2)
        started = watched.mark("started")
        await grower.hold(60 << 20)
        await next_snapshots(watched, 2)
        loaded = watched.mark("loaded")
        await grower.hold(10)
        shrunk = watched.mark("shrunk")
        watched.reset_peak()
        await next_snapshots(watched, 2)
        idle = watched.mark("idle")
        since_reset = watched.peak  # Before another snapshot can come.
    assert mebibytes(loaded.peak) > mebibytes(started.peak) + 55
    assert mebibytes(idle.peak) < mebibytes(loaded.peak) - 55
    assert since_reset == idle.peak
    assert watched.marks == (started, loaded, shrunk, idle)
    assert started.elapsed_s < loaded.elapsed_s < shrunk.elapsed_s < idle.elapsed_s


async def test_the_result_of_a_run_has_the_peak_of_all_phases() -> None:
    orders, order = os.pipe()
    async with memstat.supervise(
        python(GROWS_AND_SHRINKS), stdin=orders, stdout=subprocess.DEVNULL, interval_s=0.01
    ) as running:
        os.write(order, b"%d\n" % (60 << 20))
        async for snapshot in running:
            if (snapshot.total.pss_bytes or 0) > 60 << 20:
                break
        loaded = running.mark("loaded")
        os.write(order, b"10\n")
        async for snapshot in running:
            if (snapshot.total.pss_bytes or 0) < 60 << 20:
                break
        running.reset_peak()
        await next_snapshots(running, 1)
        running.send_signal(signal.SIGKILL)
    os.close(orders)
    os.close(order)
    assert mebibytes(loaded.peak) > 60
    assert mebibytes(running.peak) < 60
    assert mebibytes(running.result.peak) > 60
    assert running.marks == (loaded,)


async def test_a_watch_that_is_not_iterated_keeps_its_peak(grower: Grower) -> None:
    async with (
        memstat.watch(grower.pid, interval_s=0.01) as ignored,
        memstat.watch(grower.pid, interval_s=0.01) as iterated,
    ):
        await grower.hold(60 << 20)
        async for _ in iterated:
            if ignored.peak is not None and mebibytes(ignored.peak) > 60:
                break
        await grower.hold(10)
        await next_snapshots(iterated, 2)
    assert mebibytes(ignored.peak) > 60
    assert ignored.latest is not None
    assert (ignored.latest.total.pss_bytes or 0) < 60 << 20


class StuckSource(LinuxProcSource):
    """A source that blocks in its listing until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def list_processes(self) -> Mapping[int, int]:
        self.let_go.wait()
        return super().list_processes()


async def test_watches_of_one_loop_share_their_reader_threads(grower: Grower) -> None:
    source = await to_thread.run_sync(StuckSource)
    key = (await memstat.measure(grower.pid)).processes[0].key
    samplers = [
        Sampler(Sweeper(source, scope_of(key)), 0.01, has_ended=lambda _: True) for _ in range(20)
    ]
    async with anyio.create_task_group() as tasks:
        for sampler in samplers:
            tasks.start_soon(sampler.run)
        await anyio.wait_all_tasks_blocked()
        readers = reader_limiter().statistics()
        source.let_go.set()
    cores = len(os.sched_getaffinity(0))
    assert (readers.borrowed_tokens, readers.tasks_waiting) == (cores, 20 - cores)
    assert all(sampler.tally.stats.samples == 1 for sampler in samplers)
