"""What users hold of a supervised command: its snapshots, its signals, its result."""

from __future__ import annotations

import anyio

from memstat.model import Snapshot
from memstat.proc.signals import Delivery
from memstat.results import Limit, RunResult
from memstat.sampling.observation import Observation
from memstat.sampling.sampler import Sampler
from memstat.supervision.child import Child
from memstat.supervision.termination import TreeTermination

__all__ = ["Supervised"]


class Ending:
    """The result of a command, once there is one."""

    def __init__(self) -> None:
        self.result: RunResult | None = None
        self._reached = anyio.Event()

    def reach(self, result: RunResult) -> None:
        self.result = result
        self._reached.set()

    async def wait(self) -> None:
        await self._reached.wait()


class Supervised(Observation):
    """A running command, its snapshots and its peak. Made by ``supervise``.

    Iterating gives snapshots until the command has ended.
    """

    def __init__(
        self,
        child: Child,
        sampler: Sampler,
        termination: TreeTermination,
        ending: Ending,
        *,
        grace_s: float,
        kills_on_exceed: bool = True,
    ) -> None:
        super().__init__(sampler)
        self._child = child
        self._termination = termination
        self._ending = ending
        self._grace_s = grace_s
        self.kills_on_exceed = kills_on_exceed
        """Whether the tree is ended when it exceeds the limit."""

    @property
    def command(self) -> tuple[str, ...]:
        """The command and its arguments."""
        return self._child.command

    @property
    def pid(self) -> int:
        """PID of the command."""
        return self._child.process.pid

    @property
    def limit(self) -> Limit | None:
        """The limit on the total PSS and whether it was exceeded; ``None`` without one."""
        return self.tally.limit

    @property
    def has_ended(self) -> bool:
        """Whether there is a result."""
        return self._ending.result is not None

    @property
    def result(self) -> RunResult:
        """How it ended, with the peak since the start, whatever was reset.

        Raises RuntimeError while it runs.
        """
        if self._ending.result is None:
            raise RuntimeError("the command has not ended yet: leave the block first, or wait()")
        return self._ending.result

    def send_signal(self, signum: int) -> bool:
        """Send a signal to the command; False when it has ended or may not be signalled."""
        return self._child.send_signal(signum) is Delivery.SENT

    async def end(self) -> None:
        """End the tree: SIGTERM to all of it, after ``grace_s`` seconds SIGKILL. Not cancellable.

        Returns when no process of it that may be signalled is alive.
        """
        await self._termination.end(self._grace_s)

    async def kill(self) -> None:
        """SIGKILL the whole tree at once. Not cancellable, returns as ``end`` does."""
        await self._termination.kill()

    async def limit_exceeded(self) -> Snapshot:
        """Wait until the total is larger than the limit; return that snapshot."""
        await self._sampler.limit_exceeded.wait()
        limit = self.limit
        assert limit is not None
        assert limit.exceeded is not None
        return limit.exceeded

    async def wait(self) -> RunResult:
        """Wait until the command has ended and the last sample is taken; return the result."""
        await self._ending.wait()
        return self.result
