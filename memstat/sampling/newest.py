"""Hands the newest value to any number of consumers, none of which can hold up the giver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from anyio import Event

T = TypeVar("T")


class Newest(Generic[T]):
    """A value that is replaced again and again. Each iteration skips what it was too slow for."""

    def __init__(self) -> None:
        self.value: T | None = None
        self._version = 0
        self._closed = False
        self._news = Event()
        self._end = Event()

    def publish(self, value: T) -> None:
        self.value = value
        self._version += 1
        self._wake()

    def close(self) -> None:
        """End every iteration after the value that is there."""
        self._closed = True
        self._end.set()
        self._wake()

    async def closed(self) -> None:
        """Wait for the end, without a look at the values before."""
        await self._end.wait()

    def __aiter__(self) -> AsyncIterator[T]:
        return _Iteration(self)

    def _wake(self) -> None:
        self._news.set()
        self._news = Event()

    async def after(self, version: int) -> tuple[int, T] | None:
        """Wait for a later version than this; ``None`` when there will be none."""
        while self._version == version and not self._closed:
            await self._news.wait()
        if self._version == version or self.value is None:
            return None
        return self._version, self.value


class _Iteration(AsyncIterator[T]):
    def __init__(self, newest: Newest[T]) -> None:
        self._newest = newest
        self._version = 0

    async def __anext__(self) -> T:
        step = await self._newest.after(self._version)
        if step is None:
            raise StopAsyncIteration
        self._version, value = step
        return value
