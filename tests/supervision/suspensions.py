"""Cancelling a program at each of its awaits, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
import sniffio
import trio

Program = Callable[[], Awaitable[object]]


async def cancelled_after(suspensions: int, program: Program) -> bool:
    """Run a program, cancelled when its tasks have been suspended so often; whether that came.

    A task that is suspended stands at an await: the cancellation reaches it just there.
    """
    countdown = _Countdown(suspensions)
    counting = _on_trio if sniffio.current_async_library() == "trio" else _on_asyncio
    with counting(countdown):
        async with anyio.create_task_group() as tasks:
            countdown.at_zero = tasks.cancel_scope.cancel
            tasks.start_soon(_finish, program)
    return countdown.is_over


async def _finish(program: Program) -> None:
    await program()


class _Countdown:
    def __init__(self, count: int) -> None:
        self._left = count
        self.at_zero: Callable[[], None] = lambda: None

    @property
    def is_over(self) -> bool:
        return self._left < 0

    def step(self) -> None:
        if self._left == 0:
            self.at_zero()
        self._left -= 1


@contextmanager
def _on_trio(countdown: _Countdown) -> Iterator[None]:
    """Count whenever a task of trio has run up to its next await."""
    host = trio.lowlevel.current_task()

    class Steps(trio.abc.Instrument):
        def after_task_step(self, task: trio.lowlevel.Task) -> None:
            if task is not host:
                countdown.step()

    steps = Steps()
    trio.lowlevel.add_instrument(steps)
    try:
        yield
    finally:
        trio.lowlevel.remove_instrument(steps)


@contextmanager
def _on_asyncio(countdown: _Countdown) -> Iterator[None]:
    """Count whenever a task that begins in the block has run up to its next await."""
    loop = asyncio.get_running_loop()

    def create(
        loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Task[Any]:
        return asyncio.Task(_observe(coroutine, countdown.step), loop=loop, **options)

    loop.set_task_factory(create)
    try:
        yield
    finally:
        loop.set_task_factory(None)


async def _observe(coroutine: Coroutine[Any, Any, Any], step: Callable[[], None]) -> Any:
    return await _Observed(coroutine, step)


class _Observed:
    """A coroutine that calls ``step`` whenever it is suspended."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], step: Callable[[], None]) -> None:
        self._coroutine = coroutine
        self._step = step

    def __await__(self) -> Generator[Any, Any, Any]:
        resume = partial(self._coroutine.send, None)
        while True:
            try:
                waited_for = resume()
            except StopIteration as end:
                return end.value
            self._step()
            try:
                answer = yield waited_for
            except BaseException as error:  # noqa: BLE001 - it is for the coroutine
                resume = partial(self._coroutine.throw, error)
            else:
                resume = partial(self._coroutine.send, answer)
