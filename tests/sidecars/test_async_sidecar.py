"""Sidecars in async programs, on every event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

import anyio
import pytest

from memstat import SidecarError, sidecar
from memstat.sidecars.views import AsyncSidecar
from tests.blocking import forbid_blocking
from tests.sidecars.held import held, is_running


def assert_ended(s: AsyncSidecar) -> None:
    assert not is_running(s.pid)
    # It was never a child.
    with pytest.raises(ChildProcessError):
        os.waitid(os.P_PID, s.pid, os.WEXITED | os.WNOHANG)


@pytest.mark.calm("it counts the ticks that are kept")
@pytest.mark.anyio
async def test_it_measures_a_program_whose_loop_is_blocked() -> None:
    async with sidecar(interval_s=0.01) as s:
        await s.mark("begin")
        samples = s.stats.samples
        held = bytearray(60 << 20)
        time.sleep(0.2)
        loaded = await s.mark("loaded")
        del held
        await s.reset_peak()
        assert s.peak is not None
        assert loaded.peak is not None
        assert s.peak.pss_bytes < loaded.peak.pss_bytes - (55 << 20)
        assert s.stats.samples > samples + 3
    assert s.marks[-1] == loaded
    assert_ended(s)


@pytest.mark.anyio
async def test_the_loop_goes_on_while_the_sidecar_answers() -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(beat)
        async with sidecar() as s:
            at_start = beats
            await s.mark("mark")
            at_mark = beats
        tasks.cancel_scope.cancel()
    assert 0 < at_start < at_mark < beats


@pytest.mark.anyio
async def test_cancellation_in_the_block_ends_it() -> None:
    with anyio.CancelScope() as scope:
        async with sidecar() as s:
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert_ended(s)


@pytest.mark.anyio
@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.03, 0.1, 0.2])
async def test_cancellation_at_any_time_leaves_no_process(after_s: float) -> None:
    before = held()
    with anyio.move_on_after(after_s) as scope:
        async with sidecar() as s:
            await s.mark("mark")
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert held() == before


@pytest.mark.anyio
async def test_its_failure_is_raised_by_the_block() -> None:
    with pytest.raises(SidecarError, match="killed by SIGKILL"):
        async with sidecar() as s:
            os.kill(s.pid, signal.SIGKILL)
            with pytest.raises(SidecarError, match="killed by SIGKILL"):
                await s.mark("killed")
    assert_ended(s)


@pytest.mark.anyio
async def test_an_error_of_the_block_is_not_masked() -> None:
    with pytest.raises(ZeroDivisionError):
        async with sidecar() as s:
            os.kill(s.pid, signal.SIGKILL)
            raise ZeroDivisionError


@pytest.mark.anyio
async def test_a_block_is_entered_once() -> None:
    block = sidecar()
    async with block as s:
        with pytest.raises(RuntimeError, match="entered before"):
            await block.__aenter__()
        await s.mark("still open")


@pytest.mark.anyio
async def test_many_sidecars_at_once_do_not_count_each_other() -> None:
    pids: set[int] = set()
    seen: set[int] = set()

    async def measure() -> None:
        async with sidecar(interval_s=0.005) as s:
            await s.mark("mark")
        pids.add(s.pid)
        seen.update(p.key.pid for snapshot in s.snapshots for p in snapshot.processes)

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(measure)
    assert len(pids) == 8
    assert os.getpid() in seen
    assert not seen & pids


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.03, 0.1, 0.2])
def test_native_cancellation_of_asyncio_leaves_no_process(after_s: float) -> None:
    before, threads = held(), {*threading.enumerate()}

    async def measure() -> None:
        async with sidecar():
            await asyncio.sleep(60)

    async def cancel() -> None:
        task = asyncio.ensure_future(measure())
        await asyncio.sleep(after_s)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with forbid_blocking():
        asyncio.run(cancel())
    # It does not wait for the thread in which a block begins or ends, but that thread ends too.
    while left := {*threading.enumerate()} - threads:
        # One that is being started at this moment cannot be joined yet.
        for thread in (thread for thread in left if thread.ident is not None):
            thread.join(30)
    assert held() == before
