"""Ending a whole tree: SIGTERM, some grace, SIGKILL."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Final

import anyio
from anyio import CancelScope

from memstat.background import in_thread
from memstat.model import ProcessKey
from memstat.proc.signals import Delivery, is_alive, send_signal
from memstat.proc.source import ProcSource

_KILL_WAIT_S: Final = 5.0
"""In uninterruptible sleep a process does not end by SIGKILL either: the wait must be bounded."""
_SHORTEST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.1


class TreeTermination:
    """Ends the processes that ``find`` returns, also those that they start in the meantime."""

    def __init__(self, source: ProcSource, find: Callable[[], Sequence[ProcessKey]]) -> None:
        self._source = source
        self._find = find
        self._under_way = 0
        self._settled = anyio.Event()

    async def end(self, grace_s: float) -> None:
        """SIGTERM to all, ``grace_s`` to comply, then SIGKILL. Not cancellable."""
        with CancelScope(shield=True):
            if not await self._signal_until_gone((signal.SIGTERM, signal.SIGCONT), grace_s):
                await self.kill()

    async def kill(self) -> None:
        """SIGKILL to all. Not cancellable."""
        self._under_way += 1
        try:
            with CancelScope(shield=True):
                await self._signal_until_gone((signal.SIGKILL,), _KILL_WAIT_S)
        finally:
            self._under_way -= 1
            self._settled.set()
            self._settled = anyio.Event()

    async def settled(self) -> None:
        """Wait until what is being killed has ended, or would not.

        A signal is sent at once; the process ends a little later, once it is next to run.
        """
        while self._under_way:
            await self._settled.wait()

    async def signal(self, signum: int) -> Delivery:
        """Send one signal to all that are there now; return what became of it in the best case."""
        reached: dict[ProcessKey, bool] = {}
        if await in_thread(self._signal_and_count, (signum,), reached):
            return Delivery.SENT
        return Delivery.NOT_PERMITTED if reached else Delivery.ENDED

    async def _signal_until_gone(self, signals: Sequence[int], within_s: float) -> bool:
        """Signal each process once, latecomers too; return whether all have ended in time."""
        reached: dict[ProcessKey, bool] = {}
        pause_s = _SHORTEST_PAUSE_S
        with anyio.move_on_after(within_s):
            while await in_thread(self._signal_and_count, signals, reached):
                await anyio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            return True
        return False

    def _signal_and_count(self, signals: Sequence[int], reached: dict[ProcessKey, bool]) -> int:
        """Signal those not signalled yet; return how many that may be signalled are alive."""
        alive = [key for key in self._find() if is_alive(self._source, key)]
        for key in alive:
            if key not in reached:
                sent = [send_signal(self._source, key, n) for n in signals]
                reached[key] = Delivery.NOT_PERMITTED not in sent
        return sum(reached[key] for key in alive)
