"""Work beside a block of code: as a task, without changing its errors, or in a thread."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, ParamSpec, TypeVar, TypeVarTuple, Unpack

import anyio
from anyio import CapacityLimiter, to_thread

from memstat.errors import TooManyThreads

TOO_MANY_THREADS: Final = (
    "no thread can be started: a limit on processes and threads is reached, or on memory; raise it"
    " (ulimit -u, ulimit -v, the pids limit of the container)"
)

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@asynccontextmanager
async def beside(
    work: Callable[P, Coroutine[object, object, None]], *args: P.args, **kwargs: P.kwargs
) -> AsyncIterator[None]:
    """Run ``work`` until it returns or the block is left, whichever comes first.

    A task group wraps every error in a group: here an error of the block, or of the work, comes out
    as itself.
    """
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(work, *args, **kwargs))
            yield
            tasks.cancel_scope.cancel()
        return
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        error = group.exceptions[0]
    # Not while the group is handled: it would take the place of the error's own context.
    raise error


async def in_thread(
    work: Callable[[Unpack[Ts]], T], *arguments: *Ts, limiter: CapacityLimiter | None = None
) -> T:
    """Return what blocking work returns, from a worker thread.

    Where no thread can be started, it is done here and the loop waits for it: slower, but nothing
    is lost, and a command that has to be ended is ended.
    """
    begun = False

    def noted() -> T:
        nonlocal begun
        begun = True
        return work(*arguments)

    try:
        return await to_thread.run_sync(noted, limiter=limiter)
    except RuntimeError as error:
        if begun or not is_thread_shortage(error):
            raise
    return work(*arguments)


def is_thread_shortage(error: BaseException) -> bool:
    """Whether an error is Python's, which has no class of its own, for a thread that cannot start.

    >>> is_thread_shortage(RuntimeError("can't start new thread"))
    True
    """
    return isinstance(error, RuntimeError) and "start new thread" in str(error)


async def require_threads(count: int) -> None:
    """Start so many worker threads; they stay for a while for other work.

    Raises TooManyThreads when there cannot be as many.
    """
    crowd, limiter = _Crowd(count), CapacityLimiter(count)
    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(crowd.join, limiter)
    if crowd.begun < count:
        raise TooManyThreads(TOO_MANY_THREADS)


class _Crowd:
    """Threads that wait for each other, so that none does the work of two; some may not come."""

    def __init__(self, count: int) -> None:
        self.begun = 0
        self._awaited = count
        self._lock = threading.Lock()
        self._all_settled = threading.Event()

    async def join(self, limiter: CapacityLimiter) -> None:
        """Add a thread, if one can be started."""
        try:
            await to_thread.run_sync(self._arrive_and_wait, limiter=limiter)
        except RuntimeError as error:
            if not is_thread_shortage(error):
                raise
            self._settle(begun=0)
        except BaseException:
            # Cancelled before it had begun: the others need not wait for it.
            self._all_settled.set()
            raise

    def _arrive_and_wait(self) -> None:
        self._settle(begun=1)
        self._all_settled.wait()

    def _settle(self, *, begun: int) -> None:
        with self._lock:
            self.begun += begun
            self._awaited -= 1
            if self._awaited == 0:
                self._all_settled.set()
