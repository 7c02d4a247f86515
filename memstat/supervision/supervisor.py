"""A command under supervision: started, sampled, waited for."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio import CancelScope, to_thread
from anyio.abc import Process

from memstat.model import ProcessKey, ReadStatus, RunResult
from memstat.proc.linux import LinuxProcSource
from memstat.proc.oom import count_oom_kills
from memstat.proc.signals import send_signal
from memstat.proc.source import ProcSource
from memstat.sampling.background import beside
from memstat.sampling.measured import Measured
from memstat.sampling.sampler import Sampler, tree_ended
from memstat.sampling.sweep import Sweeper
from memstat.supervision.ladder import Ladder
from memstat.supervision.spawn import Surroundings, spawn
from memstat.supervision.subreaper import child_subreaper

_BURIAL_S: Final = 1.0
"""How long a command that is as good as dead is waited for."""


class Supervised(Measured):
    """A running command, its snapshots and its peak. Made by ``supervise``.

    Iterating gives snapshots until the command has ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        process: Process,
        sweeper: Sweeper,
        interval_s: float,
        started_s: float,
    ) -> None:
        super().__init__(Sampler(sweeper, interval_s, has_ended=lambda _: False))
        self.command = tuple(command)
        self._process = process
        self._source = sweeper.source
        self._sweeper = sweeper
        self._everyone = Sweeper(sweeper.source, sweeper.roots, recursive=True)
        self._started_s = started_s
        self._ended_s: float | None = None
        self._ended = anyio.Event()
        self._oom_kills: int | None = None
        self.ladder = Ladder(self._source, self._members)

    @property
    def pid(self) -> int:
        """PID of the command."""
        return self._process.pid

    @property
    def result(self) -> RunResult:
        """What came of it, with the peak of all, resets or not. RuntimeError while it runs."""
        if self._ended_s is None or self._process.returncode is None:
            raise RuntimeError("the command has not ended yet: leave the block first, or wait()")
        code = self._process.returncode
        return RunResult(
            command=self.command,
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            duration_s=self._ended_s - self._started_s,
            stats=self.stats,
            peak=self._sampler.whole_peak,
            last=self.latest,
            survivors=tuple(p for p in self._sampler.alive if p.key != self._key()),
            oom_kills=self._oom_kills,
        )

    def send_signal(self, signum: int) -> bool:
        """Send a signal to the command; False when it has ended."""
        return self._ended_s is None and send_signal(self._source, self._key(), signum)

    async def wait(self) -> RunResult:
        """Wait until the command has ended and the last sample is taken; return the result."""
        await self._ended.wait()
        return self.result

    def count_descendants(self) -> int:
        """Return how many descendants live now, whether they are measured or not. Blocking."""
        return len(self._everyone.find()) - 1

    def _key(self) -> ProcessKey:
        return self._sweeper.roots[0]

    def _members(self) -> Sequence[ProcessKey]:
        return [node.key for node in self._sweeper.find()]

    async def watch_over(self, *, wait_all: bool) -> None:
        """Sample until the command has ended, with ``wait_all`` until its whole tree has."""
        async with beside(self._await_end, wait_all=wait_all), beside(self._reap_adopted):
            await self._sampler.run()
        self._ended.set()

    async def _await_end(self, *, wait_all: bool) -> None:
        oom_kills_before = await to_thread.run_sync(count_oom_kills)
        await self._process.wait()
        self._ended_s = time.monotonic()
        oom_kills_after = await to_thread.run_sync(count_oom_kills)
        if oom_kills_before is not None and oom_kills_after is not None:
            self._oom_kills = oom_kills_after - oom_kills_before
        if wait_all:
            self._sampler.has_ended = tree_ended
        else:
            self._sampler.stop()

    async def _reap_adopted(self) -> None:
        """Bury the orphans that a subreaper inherits; nobody else would."""
        me = os.getpid()
        async for snapshot in self:
            for process in snapshot.processes:
                if process.status is ReadStatus.NO_MEMORY and process.ppid == me:
                    self._reap(process.key.pid)

    def _reap(self, pid: int) -> None:
        # The command itself is the event loop's to wait for.
        if pid != self.pid:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


@asynccontextmanager
async def supervise(
    command: Sequence[str],
    *,
    recursive: bool = True,
    interval_s: float = 0.1,
    around: Surroundings = Surroundings(),  # noqa: B008
    grace_s: float = 10.0,
    subreaper: bool = False,
    wait_all: bool = False,
) -> AsyncIterator[Supervised]:
    """Start a command and measure it until it ends; the block waits for that end.

    When the block is left by an exception or a cancellation, the tree gets SIGTERM, after
    ``grace_s`` SIGKILL, and is waited for.
    """
    source = await to_thread.run_sync(LinuxProcSource)
    with child_subreaper(enabled=subreaper):
        children_before = await to_thread.run_sync(_children, source) if subreaper else ()
        started_s = time.monotonic()
        async with _started(command, around) as process:
            sweeper = Sweeper(
                source,
                [await _identify(source, process)],
                recursive=recursive,
                excluded=children_before,
                adopter=os.getpid() if subreaper else None,
            )
            supervised = Supervised(command, process, sweeper, interval_s, started_s)
            try:
                async with beside(supervised.watch_over, wait_all=wait_all):
                    yield supervised
                    await supervised.wait()
            except BaseException:
                await supervised.ladder.end(grace_s)
                raise


@asynccontextmanager
async def _started(command: Sequence[str], around: Surroundings) -> AsyncIterator[Process]:
    """Start a command; wait for its end on the way out, whatever the way."""
    process = await spawn(command, around)
    try:
        yield process
    finally:
        # It has ended, unless it may not be killed (setuid): that must not hold us.
        with anyio.move_on_after(_BURIAL_S, shield=True):
            await process.wait()


async def _identify(source: ProcSource, process: Process) -> ProcessKey:
    """Return who was started. It is killed when that cannot be known: nobody could end it later."""
    try:
        # Until its identity is known, a cancellation would leave it running.
        with CancelScope(shield=True):
            start_ticks = await to_thread.run_sync(_start_ticks, source, process.pid)
    except BaseException:
        process.kill()
        raise
    return ProcessKey(process.pid, start_ticks)


def _start_ticks(source: ProcSource, pid: int) -> int:
    # A child that has ended and been reaped already has no start time: 0 is nobody's.
    identity = source.identify(pid)
    return identity.start_ticks if identity and identity.ppid == os.getpid() else 0


def _children(source: ProcSource) -> tuple[int, ...]:
    """The children that this process had before: the host program's, not the command's."""
    me = os.getpid()
    identities = (source.identify(pid) for pid in source.list_processes())
    return tuple(i.pid for i in identities if i is not None and i.ppid == me)
