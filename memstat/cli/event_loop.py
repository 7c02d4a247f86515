"""The event loop of the command line: asyncio's."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar, TypeVarTuple, Unpack

import anyio

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def run(main: Callable[[Unpack[Ts]], Awaitable[T]], *arguments: *Ts) -> T:
    """Run an async function to its end and return what it returns."""
    _wait_for_processes_without_threads()
    return anyio.run(_collecting_garbage, main, *arguments)


async def _collecting_garbage(main: Callable[[Unpack[Ts]], Awaitable[T]], *arguments: *Ts) -> T:
    """Search for garbage from now on, as the start does not, but not in what is imported by now."""
    gc.freeze()
    gc.enable()
    return await main(*arguments)


def _wait_for_processes_without_threads() -> None:
    """Let asyncio wait for a process by a pidfd, as it does since Python 3.12.

    Before, it starts a thread for each process once that runs: where none can be started, the
    command would be left behind.
    """
    if sys.version_info >= (3, 12):
        return
    import asyncio  # noqa: PLC0415 - anyio has loaded it

    # A command that may not be signalled is left running on purpose.
    warnings.filterwarnings("ignore", "A loop is being detached from a child watcher")
    with suppress(OSError):  # Before Linux 5.3 and in some sandboxes there are no pidfds.
        os.close(os.pidfd_open(os.getpid()))
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())
