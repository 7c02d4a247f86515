"""Reaping orphans as soon as they end, as init does: no other process can."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
from anyio import CancelScope

from memstat.background import beside, in_thread
from memstat.proc.children import children, first_ended_child
from memstat.supervision.orphans import OWN_CHILDREN

_PERIOD_S: Final = 0.05
"""How soon an orphan is reaped without SIGCHLD."""

IsOrphan = Callable[[int], bool]
"""Whether a child of this process, given by its PID, was adopted. May block."""


def is_not_own(pid: int) -> bool:
    """Whether a child was not started by memstat: an orphan, in a program that is memstat alone."""
    return not OWN_CHILDREN.include(pid)


@asynccontextmanager
async def reaping_at_once(is_orphan: IsOrphan) -> AsyncIterator[None]:
    """Reap orphans inside the block, on SIGCHLD. For a program that is memstat alone."""
    with anyio.open_signal_receiver(signal.SIGCHLD) as ended:

        async def reap_on_signal() -> None:
            await _reap_ended(is_orphan)
            async for _ in ended:
                await _reap_ended(is_orphan)

        async with _reaping(reap_on_signal, is_orphan):
            yield


@asynccontextmanager
async def reaping_soon(is_orphan: IsOrphan) -> AsyncIterator[None]:
    """Reap orphans inside the block, without SIGCHLD: its handler is the host program's."""

    async def reap_again_and_again() -> None:
        while True:
            await _reap_ended(is_orphan)
            await anyio.sleep(_PERIOD_S)

    async with _reaping(reap_again_and_again, is_orphan):
        yield


@asynccontextmanager
async def _reaping(
    work: Callable[[], Coroutine[object, object, None]], is_orphan: IsOrphan
) -> AsyncIterator[None]:
    try:
        async with beside(work):
            yield
    finally:
        with CancelScope(shield=True):
            await _reap_ended(is_orphan)


async def _reap_ended(is_orphan: IsOrphan) -> None:
    # Cheap, and in most cases all there is to do.
    if first_ended_child() is not None:
        await in_thread(_reap_all_ended, is_orphan)


def _reap_all_ended(is_orphan: IsOrphan) -> None:
    while (pid := first_ended_child()) is not None:
        if not is_orphan(pid):
            # It hides what ended after it for as long as nothing waits for it.
            for child in children():
                if is_orphan(child):
                    _reap(child)
            return
        _reap(pid)


def _reap(pid: int) -> None:
    """Wait for an adopted child that has ended; does nothing for any other process."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
