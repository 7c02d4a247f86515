"""The library, on every event loop."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import memstat
from tests.targets import Target, python

pytestmark = pytest.mark.anyio


async def test_measures_a_running_process(start: Callable[..., Target]) -> None:
    target = start(*python("print('ready'); input()"))
    target.line()
    snapshot = await memstat.measure(target.pid)
    assert snapshot.complete
    assert snapshot.processes[0].key.pid == target.pid
    assert snapshot.total.pss_bytes == snapshot.processes[0].memory.pss_bytes


async def test_a_watch_ends_with_its_target(start: Callable[..., Target]) -> None:
    target = start(*python("print('ready'); input()"))
    target.line()
    ticks = []
    async with memstat.watch(target.pid, interval_s=0.01) as watched:
        async for snapshot in watched:
            ticks.append(snapshot.tick)
            if len(ticks) == 3:
                target.send()
    assert ticks == sorted(set(ticks))
    assert watched.peak is not None


async def test_a_run_tells_status_and_peak() -> None:
    result = await memstat.run(["sh", "-c", "sleep 1; exit 3"], interval_s=0.01)
    assert result.exit_status == 3
    assert result.peak is not None
    assert result.stats.samples > 0


async def test_an_error_of_the_block_comes_out_as_itself() -> None:
    with pytest.raises(ZeroDivisionError):
        async with memstat.supervise(["sleep", "60"], grace_s=5):
            raise ZeroDivisionError
