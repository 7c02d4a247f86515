"""Cancelled at whatever await, the library leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any

import anyio
import pytest
import sniffio
import trio

import memstat
from tests.supervision.suspensions import Program, cancelled_after
from tests.targets import Target, descendants_of

MOST_AWAITS = 1000
"""A program that has more would never end."""
SELDOM_S = 60.0
"""So seldom that the number of samples, and of awaits, is the same every time."""


async def look_at(watched: memstat.Watch | memstat.Supervised) -> None:
    """Wait for the first snapshot."""
    async for _ in watched:
        return


@pytest.fixture
def idle(start: Callable[..., Target]) -> Target:
    return start("sleep", "60")


@pytest.fixture
def assert_leaves_nothing(anyio_backend: Any) -> Callable[[Program], None]:
    """Cancel a program everywhere, in a loop of its own, and look at what is left each time."""

    def check(program: Program) -> None:
        name, options = anyio_backend
        threads = set(threading.enumerate())
        anyio.run(_cancel_everywhere, program, threads, backend=name, backend_options=options)
        if name == "asyncio":
            # trio keeps idle threads for the next loop; asyncio has asked its own to end.
            for thread in set(threading.enumerate()) - threads:
                thread.join(timeout=5)
                assert not thread.is_alive()

    return check


async def _cancel_everywhere(program: Program, earlier: AbstractSet[threading.Thread]) -> None:
    await program()
    before = await _left_behind(earlier)
    for suspensions in range(MOST_AWAITS):
        cancelled = await cancelled_after(suspensions, program)
        assert await _left_behind(earlier) == before, f"after cancellation at await {suspensions}"
        if not cancelled:
            assert suspensions >= 2
            return
    pytest.fail("the program never ends")


async def _left_behind(earlier: AbstractSet[threading.Thread]) -> tuple[set[str], set[int], int]:
    """Return the open descriptors, the child processes and the number of tasks."""
    _join_finished_threads()
    # One more than readers: whatever else is asked of /proc meanwhile.
    assert _worker_thread_count(earlier) <= len(os.sched_getaffinity(0)) + 1
    return _descriptors(), descendants_of(os.getpid()), _task_count()


def _descriptors() -> set[str]:
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        # The listing's own has been closed meanwhile.
        with suppress(FileNotFoundError):
            found.add(f"{fd} -> {os.readlink(f'/proc/self/fd/{fd}')}")
    return found


def _task_count() -> int:
    if sniffio.current_async_library() == "trio":
        return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


def _worker_thread_count(earlier: AbstractSet[threading.Thread]) -> int:
    """Return how many there are since; trio keeps those of earlier tests for some seconds."""
    prefix = "Trio" if sniffio.current_async_library() == "trio" else "AnyIO"
    return sum(thread.name.startswith(prefix) for thread in {*threading.enumerate()} - earlier)


def _join_finished_threads() -> None:
    """Wait for the threads in which asyncio waited for children that have ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("asyncio-waitpid"):
            thread.join()


def test_a_cancelled_measure_leaves_nothing(
    idle: Target, assert_leaves_nothing: Callable[[Program], None]
) -> None:
    async def program() -> None:
        await memstat.measure(idle.pid)

    assert_leaves_nothing(program)


def test_a_cancelled_watch_leaves_nothing(
    idle: Target, assert_leaves_nothing: Callable[[Program], None]
) -> None:
    async def program() -> None:
        async with memstat.watch(idle.pid, interval_s=SELDOM_S) as watched:
            await look_at(watched)

    assert_leaves_nothing(program)


@pytest.mark.parametrize("subreaper", [False, True])
def test_a_cancelled_supervise_leaves_nothing(
    assert_leaves_nothing: Callable[[Program], None], *, subreaper: bool
) -> None:
    async def program() -> None:
        async with memstat.supervise(
            ["sleep", "60"], interval_s=SELDOM_S, subreaper=subreaper
        ) as running:
            await look_at(running)
            running.send_signal(15)

    assert_leaves_nothing(program)


def test_a_cancelled_run_leaves_nothing(
    assert_leaves_nothing: Callable[[Program], None],
) -> None:
    async def program() -> None:
        await memstat.run(["sleep", "0.02"], interval_s=SELDOM_S)

    assert_leaves_nothing(program)


def test_a_cancelled_supervise_of_a_failing_start_leaves_nothing(
    assert_leaves_nothing: Callable[[Program], None],
) -> None:
    async def program() -> None:
        with pytest.raises(memstat.SpawnError):
            await memstat.run(["/nowhere/at/all"])

    assert_leaves_nothing(program)
