"""Handing the newest value to consumers that must not hold up the giver."""

from __future__ import annotations

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from memstat.sampling.newest import Newest

pytestmark = pytest.mark.anyio


async def collect(newest: Newest[int], into: list[int]) -> None:
    async for value in newest:
        into.append(value)  # noqa: PERF401 - the values so far are looked at


async def test_a_consumer_that_keeps_up_gets_every_value() -> None:
    newest: Newest[int] = Newest()
    got: list[int] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(collect, newest, got)
        for value in range(5):
            newest.publish(value)
            await wait_all_tasks_blocked()
            assert got == list(range(value + 1))
        newest.close()
    assert got == [0, 1, 2, 3, 4]


async def test_a_slow_consumer_gets_the_newest_value() -> None:
    newest: Newest[int] = Newest()
    values = aiter(newest)
    for value in (1, 2, 3):
        newest.publish(value)
    assert await anext(values) == 3
    for value in (4, 5):
        newest.publish(value)
    assert await anext(values) == 5


async def test_equal_values_are_news_all_the_same() -> None:
    newest: Newest[int] = Newest()
    values = aiter(newest)
    for _ in range(2):
        newest.publish(7)
        assert await anext(values) == 7


async def test_closing_ends_every_iteration_after_the_last_value() -> None:
    newest: Newest[int] = Newest()
    waiting: list[int] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(collect, newest, waiting)
        await wait_all_tasks_blocked()
        slow = aiter(newest)
        newest.publish(1)
        newest.close()
        assert await anext(slow) == 1
        with pytest.raises(StopAsyncIteration):
            await anext(slow)
    assert waiting == [1]
    assert [value async for value in newest] == [1]


async def test_closing_without_a_value_ends_every_wait() -> None:
    newest: Newest[int] = Newest()
    waiting: list[int] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(collect, newest, waiting)
        await wait_all_tasks_blocked()
        newest.close()
    assert waiting == []
    assert newest.value is None


async def test_a_cancelled_wait_loses_nothing() -> None:
    newest: Newest[int] = Newest()
    values = aiter(newest)
    with anyio.move_on_after(0):
        await anext(values)
    newest.publish(1)
    await checkpoint()
    assert await anext(values) == 1
