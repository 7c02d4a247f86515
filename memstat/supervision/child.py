"""The command as a child: started, identified, and waited for whatever happens."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

import anyio
from anyio import CancelScope
from anyio.abc import Process

from memstat.background import in_thread
from memstat.errors import UnreadableProcess
from memstat.model import Identity, ProcessKey
from memstat.proc.signals import Delivery, SignalTarget
from memstat.proc.source import ProcSource
from memstat.supervision.orphans import OWN_CHILDREN
from memstat.supervision.spawn import SpawnContext, spawn

_EXIT_WAIT_S: Final = 1.0
"""How long to wait for a command that has ended or was killed."""
_IDENTIFY_TRIES: Final = 20
_IDENTIFY_PAUSE_S: Final = 0.01


class Child(NamedTuple):
    """A command that was started."""

    command: tuple[str, ...]
    process: Process
    target: SignalTarget
    """It, and no other process that gets its PID."""

    @property
    def key(self) -> ProcessKey:
        return self.target.key

    def send_signal(self, signum: int) -> Delivery:
        """Send a signal to the command, unless it has ended."""
        if self.process.returncode is not None:
            return Delivery.ENDED
        return self.target.send(signum)


@asynccontextmanager
async def started(
    command: Sequence[str],
    context: SpawnContext,
    source: ProcSource,
    is_there: Callable[[], None] = lambda: None,
) -> AsyncIterator[Child]:
    """Start a command; wait for its end when the block is left, in whatever way.

    ``is_there`` is called as soon as there is a process, long before the block.
    """
    with OWN_CHILDREN.starting():
        process = await spawn(command, context)
        is_there()
        OWN_CHILDREN.add(process.pid)
    try:
        target = await _identify(source, process)
        try:
            yield Child(tuple(command), process, target)
        finally:
            target.close()
    finally:
        with CancelScope(shield=True):
            await _wait_or_kill(process)
        OWN_CHILDREN.discard(process.pid)


async def _identify(source: ProcSource, process: Process) -> SignalTarget:
    """Return the identity of what was started; kill it when that cannot be known.

    It could not be ended later.
    """
    try:
        # Until its identity is known, a cancellation would leave it running.
        with CancelScope(shield=True):
            target = await in_thread(_find_child, source, process.pid)
    except BaseException:
        process.kill()
        raise
    return target


def _find_child(source: ProcSource, pid: int) -> SignalTarget:
    # A child that has ended and been reaped has no start time any more: no process has 0.
    try:
        identity = _identify_patiently(source, pid)
    except UnreadableProcess:
        # It can be signalled, if not measured: its PID stays its own until it is waited for.
        return SignalTarget(source, ProcessKey(pid, 0), is_own_child=True)
    is_ours = identity is not None and identity.ppid == os.getpid()
    start_ticks = identity.start_ticks if identity and is_ours else 0
    return SignalTarget(source, ProcessKey(pid, start_ticks))


def _identify_patiently(source: ProcSource, pid: int) -> Identity | None:
    # Without its identity it could be neither measured nor ended: one failed read is no reason.
    for _ in range(_IDENTIFY_TRIES - 1):
        try:
            return source.identify(pid)
        except UnreadableProcess:
            time.sleep(_IDENTIFY_PAUSE_S)
    return source.identify(pid)


async def _wait_or_kill(process: Process) -> None:
    """Wait for a command that has ended; kill it where its termination failed.

    One that may not be killed (setuid) must not hold this program up.
    """
    with anyio.move_on_after(_EXIT_WAIT_S):
        await process.wait()
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            process.kill()
        with anyio.move_on_after(_EXIT_WAIT_S):
            await process.wait()
