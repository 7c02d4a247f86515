"""A command under supervision: started, sampled, waited for."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import anyio
from anyio import CancelScope, to_thread
from anyio.abc import Process

from memstat.background import beside
from memstat.model import (
    Limit,
    ProcessKey,
    ProcessSample,
    ReadStatus,
    RunResult,
    Snapshot,
)
from memstat.proc.linux import LinuxProcSource
from memstat.proc.platform import count_oom_kills
from memstat.proc.signals import Recipient, is_alive
from memstat.proc.source import ProcSource
from memstat.sampling.measured import Measured
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweeper
from memstat.supervision.forwarding import Forwarder, forwarding
from memstat.supervision.spawn import Surroundings, spawn
from memstat.supervision.subreaper import COMMANDS, NotOrphans, child_subreaper
from memstat.supervision.termination import Ladder

_BURIAL_S: Final = 1.0
"""How long a command that is as good as dead is waited for."""
_LIVENESS_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a command is to be measured and ended; ``memstat.supervise`` explains each."""

    recursive: bool = True
    interval_s: float = 0.1
    grace_s: float = 10.0
    subreaper: bool = False
    wait_all: bool = False
    forwarded: Collection[signal.Signals] = ()
    max_pss_bytes: int | None = None
    kill_on_exceed: bool = True


class Supervised(Measured):
    """A running command, its snapshots and its peak. Made by ``supervise``.

    Iterating gives snapshots until the command has ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        process: Process,
        *,
        sweeper: Sweeper,
        recipient: Recipient,
        forwarder: Forwarder,
        terms: Terms,
        started_s: float,
    ) -> None:
        sampler = Sampler(
            sweeper,
            terms.interval_s,
            has_ended=lambda _: False,
            max_pss_bytes=terms.max_pss_bytes,
        )
        super().__init__(sampler)
        self.command = tuple(command)
        self._process = process
        self._terms = terms
        self._recipient = recipient
        self._forwarder = forwarder
        self._source = sweeper.source
        self._sweeper = sweeper
        self._started_s = started_s
        self._ended_s: float | None = None
        self._ended = anyio.Event()
        self._oom_kills: int | None = None
        self._survivors: tuple[ProcessSample, ...] = ()
        # What is ended, is ended whole, however little of it is measured.
        self._whole = sweeper if sweeper.is_recursive else sweeper.recursively()
        self._ladder = Ladder(self._source, self._members)

    @property
    def pid(self) -> int:
        """PID of the command."""
        return self._process.pid

    @property
    def received_signals(self) -> frozenset[int]:
        """The signals among those to forward that have come so far."""
        return frozenset(self._forwarder.plan.received)

    @property
    def limit(self) -> Limit | None:
        """The limit on the total PSS and whether it was exceeded; ``None`` without one."""
        return self._sampler.limit

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
            survivors=self._survivors,
            oom_kills=self._oom_kills,
            limit=self.limit,
        )

    def send_signal(self, signum: int) -> bool:
        """Send a signal to the command; False when it has ended or is not ours to signal."""
        return self._ended_s is None and self._recipient.send(signum)

    async def pass_on(self, signum: int) -> bool:
        """Send a signal to the command, or to those whom ``wait_all`` waits for when it has ended.

        Returns whether anybody got it.
        """
        if not self._terms.wait_all or await to_thread.run_sync(
            is_alive, self._source, self._key()
        ):
            return self.send_signal(signum)
        return await self._ladder.signal(signum)

    async def end(self) -> None:
        """End the tree: SIGTERM to all of it, after ``grace_s`` seconds SIGKILL. Not cancellable.

        Returns when nobody of it that may be signalled is alive.
        """
        await self._ladder.end(self._terms.grace_s)

    async def kill(self) -> None:
        """SIGKILL the whole tree at once. Not cancellable, returns as ``end`` does."""
        await self._ladder.kill()

    async def limit_exceeded(self) -> Snapshot:
        """Wait until the total is larger than the limit; return that snapshot."""
        await self._sampler.limit_exceeded.wait()
        limit = self.limit
        assert limit is not None
        assert limit.exceeded is not None
        return limit.exceeded

    async def wait(self) -> RunResult:
        """Wait until the command has ended and the last sample is taken; return the result."""
        await self._ended.wait()
        return self.result

    def count_descendants(self) -> int:
        """Return how many descendants live now, whether they are measured or not. Blocking."""
        return len(self._whole.find()) - 1

    def _key(self) -> ProcessKey:
        return self._sweeper.roots[0]

    def _members(self) -> Sequence[ProcessKey]:
        return [node.key for node in self._whole.find()]

    @asynccontextmanager
    async def watched_over(self) -> AsyncIterator[None]:
        """Sample inside the block, which lasts until the end; an error of it ends the tree."""
        try:
            async with beside(self._watch_over):
                self._forwarder.command_started(self)
                yield
                await self.wait()
        except BaseException:
            await self.end()
            raise
        finally:
            self._recipient.close()
            if self._terms.subreaper:
                with CancelScope(shield=True):
                    await to_thread.run_sync(self._reap_all_adopted)

    async def _watch_over(self) -> None:
        """Sample until the command has ended, with ``wait_all`` until its whole tree has."""
        async with (
            beside(self._await_end),
            beside(self._reap_adopted),
            beside(self._enforce_limit),
        ):
            await self._sampler.run()
        # Whom the ladder was ending at the last sample has ended by now.
        self._survivors = await to_thread.run_sync(self._find_survivors)
        self._ended.set()

    async def _enforce_limit(self) -> None:
        if self._terms.max_pss_bytes is not None and self._terms.kill_on_exceed:
            await self.limit_exceeded()
            await self.end()

    async def _await_end(self) -> None:
        oom_kills_before = await to_thread.run_sync(count_oom_kills)
        await self._process.wait()
        self._ended_s = time.monotonic()
        oom_kills_after = await to_thread.run_sync(count_oom_kills)
        if oom_kills_before is not None and oom_kills_after is not None:
            self._oom_kills = oom_kills_after - oom_kills_before
        if self._terms.wait_all:
            # No event tells of the end of somebody else's child.
            while await to_thread.run_sync(self._is_anyone_alive):  # noqa: ASYNC110
                await anyio.sleep(_LIVENESS_PAUSE_S)
        self._sampler.stop()

    def _find_survivors(self) -> tuple[ProcessSample, ...]:
        descendants = (p for p in self._sampler.alive if p.key != self._key())
        return tuple(p for p in descendants if is_alive(self._source, p.key))

    def _is_anyone_alive(self) -> bool:
        members = self._members()
        if any(is_alive(self._source, key) for key in members):
            return True
        # Who has died since it was listed may have forked before.
        return not set(self._members()) <= set(members)

    async def _reap_adopted(self) -> None:
        """Bury the orphans that a subreaper inherits; nobody else would."""
        me = os.getpid()
        async for snapshot in self:
            for process in snapshot.processes:
                if process.status is ReadStatus.NO_MEMORY and process.ppid == me:
                    self._reap(process.key.pid)

    def _reap_all_adopted(self) -> None:
        """Bury those too that no snapshot shows: a sweep that finds no one alive hands out none."""
        for key in self._members():
            if not is_alive(self._source, key):
                self._reap(key.pid)

    def _reap(self, pid: int) -> None:
        # The command itself is the event loop's to wait for.
        if pid != self.pid:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


@asynccontextmanager
async def supervise(
    command: Sequence[str],
    terms: Terms,
    around: Surroundings = Surroundings(),  # noqa: B008
) -> AsyncIterator[Supervised]:
    """Start a command and measure it until it ends; the block waits for that end.

    When the block is left by an exception or a cancellation, the tree is ended.
    """
    source = await to_thread.run_sync(LinuxProcSource)
    forwarder = Forwarder(kill_after_s=terms.grace_s)
    with child_subreaper(enabled=terms.subreaper):
        # Signals are caught from before the start, so that none finds us alone.
        async with forwarding(forwarder, terms.forwarded):
            not_orphans = NotOrphans(await to_thread.run_sync(_children, source, terms.subreaper))
            started_s = time.monotonic()
            async with _started(command, around) as process:
                recipient = await _identify(source, process)
                sweeper = Sweeper(
                    source,
                    [recipient.key],
                    recursive=terms.recursive,
                    adopter=os.getpid() if terms.subreaper else None,
                    not_orphans=not_orphans,
                )
                supervised = Supervised(
                    command,
                    process,
                    sweeper=sweeper,
                    recipient=recipient,
                    forwarder=forwarder,
                    terms=terms,
                    started_s=started_s,
                )
                async with supervised.watched_over():
                    yield supervised


@asynccontextmanager
async def _started(command: Sequence[str], around: Surroundings) -> AsyncIterator[Process]:
    """Start a command; wait for its end on the way out, whatever the way."""
    with COMMANDS.starting():
        process = await spawn(command, around)
        COMMANDS.add(process.pid)
    try:
        yield process
    finally:
        with CancelScope(shield=True):
            await _bury(process)
        COMMANDS.discard(process.pid)


async def _bury(process: Process) -> None:
    """Wait for a command that has ended; kill it where the ladder failed for want of descriptors.

    One that may not be killed (setuid) must not hold us.
    """
    with anyio.move_on_after(_BURIAL_S):
        await process.wait()
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            process.kill()
        with anyio.move_on_after(_BURIAL_S):
            await process.wait()


async def _identify(source: ProcSource, process: Process) -> Recipient:
    """Return who was started. It is killed when that cannot be known: nobody could end it later."""
    try:
        # Until its identity is known, a cancellation would leave it running.
        with CancelScope(shield=True):
            recipient = await to_thread.run_sync(_find_child, source, process.pid)
    except BaseException:
        process.kill()
        raise
    return recipient


def _find_child(source: ProcSource, pid: int) -> Recipient:
    # A child that has ended and been reaped already has no start time: 0 is nobody's.
    identity = source.identify(pid)
    is_ours = identity is not None and identity.ppid == os.getpid()
    return Recipient(source, ProcessKey(pid, identity.start_ticks if identity and is_ours else 0))


def _children(source: ProcSource, subreaper: bool) -> frozenset[ProcessKey]:  # noqa: FBT001
    """The children that this process had before: the host program's, not the command's."""
    if not subreaper:
        return frozenset()
    me = os.getpid()
    identities = (source.identify(pid) for pid in source.list_processes())
    return frozenset(
        ProcessKey(i.pid, i.start_ticks) for i in identities if i is not None and i.ppid == me
    )
