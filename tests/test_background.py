"""Work beside a block keeps its errors as they are; threads, and none where none can start."""

from __future__ import annotations

import os
import threading

import pytest

import memstat
from memstat.background import in_thread, require_threads
from memstat.errors import TooManyThreads

pytestmark = pytest.mark.anyio


async def test_an_error_of_the_block_keeps_its_context() -> None:
    with pytest.raises(KeyError) as caught:
        async with memstat.watch(os.getpid()):
            try:
                raise ZeroDivisionError  # noqa: TRY301
            except ZeroDivisionError:
                raise KeyError  # noqa: B904 - without a cause, on purpose
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    assert not caught.value.__suppress_context__


async def test_a_group_of_errors_of_the_block_comes_out_as_itself() -> None:
    raised = ExceptionGroup("of the block", [KeyError(), ValueError()])
    with pytest.raises(ExceptionGroup) as caught:
        async with memstat.watch(os.getpid()):
            raise raised
    assert caught.value.message == raised.message
    assert caught.value.exceptions == raised.exceptions


# Threads.


@pytest.fixture
def no_new_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no thread start, as where a limit on processes is reached."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    # The second is that of Python 3.13 and later.
    for start in ("_start_new_thread", "_start_joinable_thread"):
        monkeypatch.setattr(threading, start, refuse, raising=False)
    # trio keeps threads for later, for all loops.
    monkeypatch.setattr("trio._core._thread_cache.THREAD_CACHE._idle_workers", {})


@pytest.mark.usefixtures("no_new_threads")
async def test_without_threads_work_is_done_by_the_loop() -> None:
    assert await in_thread(threading.get_ident) == threading.get_ident()


@pytest.mark.usefixtures("no_new_threads")
async def test_threads_that_are_required_and_cannot_start() -> None:
    with pytest.raises(TooManyThreads, match="ulimit -u"):
        await require_threads(2)


async def test_threads_that_are_required_start_side_by_side() -> None:
    await require_threads(3)
    assert threading.active_count() > 3


async def test_work_that_needs_a_thread_of_its_own_keeps_its_error() -> None:
    def fail() -> None:
        raise RuntimeError("can't start new thread")

    with pytest.raises(RuntimeError, match="start new thread"):
        await in_thread(fail)
