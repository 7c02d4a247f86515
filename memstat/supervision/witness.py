"""Whether a signal was sent to memstat alone or to its whole process group.

The kernel reports the sender of a signal, not its destination. So an idle process is kept in the
command's group: what it received as well, the command received directly.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Final

import anyio
from anyio import CancelScope

from memstat.background import beside, in_thread
from memstat.proc.bystander import Bystander
from memstat.supervision.orphans import OWN_CHILDREN

WITNESSED: Final = frozenset(
    {
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
    }
)
"""SIGWINCH is not: it comes often, and does no harm when it comes twice."""
_BURST_S: Final = 0.1
"""The same signal within this time is the same one: timeout(1) sends it to its child, then to all.

Standard signals are not queued, so the command cannot count them either (signal(7)).
"""
_PERIOD_S: Final = 0.2
"""How soon a signal to the group is noticed that this process is no member of."""
_PATIENCE_S: Final = 0.1
"""Within this time timeout(1) goes on from its child to the group, and a service manager from one
process of a control group to the next, on a busy machine too."""
_FIRST_PAUSE_S: Final = 0.001


class Witness:
    """Knows which signals the process group of the command received."""

    def __init__(self) -> None:
        self.group = os.getpgrp()
        """The group that it stands in."""
        self.received: set[int] = set()
        """What the group has received, as far as it has been noticed."""
        self._notice: Callable[[int], None] | None = None
        self._look = anyio.Event()
        self._bystander: Bystander | None = None
        self._reading = anyio.Lock()
        self._settled_s: dict[int, float] = {}
        self._before: frozenset[int] = frozenset()
        """What the group received before the command was there, and nothing has asked about yet."""

    def command_is_there(self, dealt_with: Collection[int]) -> bool:
        """Note what the group received before the command was there, but for what is dealt with.

        To be called on the event loop, which it does not hold up, as soon as there is a command.
        False where nothing is known.
        """
        pending = None if self._bystander is None else self._bystander.pending()
        if pending is None:
            return False
        self._before = (pending & WITNESSED).difference(dealt_with)
        return True

    def look(self) -> None:
        """Look soon whether the group has received something that nothing asked about."""
        self._look.set()

    def watch(self, notice: Callable[[int], None]) -> None:
        """Look regularly, and report what the group receives: this process has left it."""
        self._notice = notice
        self.look()

    async def has_received(self, signum: int, arrived_s: float) -> bool | None:
        """Whether the group received what arrived here then; ``None`` when that is not known.

        What signals one process after the other may reach this one first: a no takes a while.
        """
        if signum in self._before:
            self._before -= {signum}
            return False
        pause_s = _FIRST_PAUSE_S
        while True:
            if arrived_s <= self._settled_s.get(signum, -1.0):
                return True
            pending = await self._pending()
            if pending is None:
                return None
            if signum in pending:
                self.look()
                return True
            left_s = arrived_s + _PATIENCE_S - anyio.current_time()
            if left_s <= 0:
                return False
            await anyio.sleep(min(pause_s, left_s))
            pause_s *= 2

    async def start(self) -> None:
        """Put a process into the group. Where none can be started, nothing is known."""
        self._bystander = None
        with CancelScope(shield=True), OWN_CHILDREN.starting(), suppress(OSError):
            self._bystander = await in_thread(Bystander, self.group)
            OWN_CHILDREN.add(self._bystander.pid)

    async def keep_fresh(self) -> None:
        """Replace the process when it has received something: what it has stays pending in it."""
        while self._bystander is not None:
            with anyio.move_on_after(inf if self._notice is None else _PERIOD_S):
                await self._look.wait()
            self._look = anyio.Event()
            if await self._pending() != frozenset():
                await anyio.sleep(_BURST_S)
                await self._replace(self._bystander)

    async def close(self) -> None:
        """Take note of what the group has received, and end the process. Not cancellable."""
        with CancelScope(shield=True):
            self.received |= await self._pending() or frozenset()
            if self._bystander is not None:
                await self._end(self._bystander)
                self._bystander = None

    async def _replace(self, old: Bystander) -> None:
        with CancelScope(shield=True):
            async with self._reading:
                await self.start()
                self._settle(await in_thread(old.pending))
                await self._end(old)
        # What came in the meantime, both have.
        if await self._pending() != frozenset():
            self.look()

    def _settle(self, pending: frozenset[int] | None) -> None:
        now_s = anyio.current_time()
        for signum in (pending or frozenset()) & WITNESSED:
            self._settled_s[signum] = now_s
            self.received.add(signum)
            if self._notice is not None:
                self._notice(signum)

    async def _pending(self) -> frozenset[int] | None:
        async with self._reading:
            if self._bystander is None:
                return None
            pending = await in_thread(self._bystander.pending)
        return None if pending is None else pending & WITNESSED

    async def _end(self, bystander: Bystander) -> None:
        await in_thread(bystander.close)
        OWN_CHILDREN.discard(bystander.pid)


@asynccontextmanager
async def witnessing(witness: Witness) -> AsyncIterator[None]:
    """Let a witness see what the group receives inside the block."""
    try:
        await witness.start()
        async with beside(witness.keep_fresh):
            yield
    finally:
        await witness.close()
