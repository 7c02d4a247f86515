"""Supervision of a command: start it, sample it, pass signals on, wait for its end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import anyio
from anyio import CancelScope, to_thread

from memstat.background import beside
from memstat.model import Identity, ProcessKey, ProcessSample, ReadStatus, RunResult
from memstat.proc.linux import LinuxProcSource
from memstat.proc.platform import count_oom_kills
from memstat.proc.signals import is_alive
from memstat.proc.tree import Scope, never_orphan
from memstat.sampling.floor import rss_floor
from memstat.sampling.liveness import alive
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweeper
from memstat.supervision.child import Child, started
from memstat.supervision.children_mark import ChildrenMark
from memstat.supervision.forwarding import Forwarder, forwarding
from memstat.supervision.orphans import orphan_test, reap
from memstat.supervision.spawn import SpawnContext
from memstat.supervision.subreaper import child_subreaper
from memstat.supervision.supervised import Ending, Supervised
from memstat.supervision.termination import TreeTermination

_LIVENESS_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionOptions:
    """How a command is to be measured and ended; ``memstat.supervise`` explains each."""

    recursive: bool = True
    interval_s: float = 0.1
    command_lines: bool = False
    grace_s: float = 10.0
    subreaper: bool = False
    wait_all: bool = False
    forwarded: Collection[signal.Signals] = ()
    max_pss_bytes: int | None = None
    kill_on_exceed: bool = True
    has_no_other_children: bool = False
    """Whether this process waits for no process but those of the command: then the kernel's mark of
    its children is theirs."""


@asynccontextmanager
async def supervise(
    command: Sequence[str],
    options: SupervisionOptions,
    context: SpawnContext = SpawnContext(),
) -> AsyncIterator[Supervisor]:
    """Start a command and measure it until it ends; the block waits for that end.

    When the block is left by an exception or a cancellation, the tree is ended.
    """
    source = await to_thread.run_sync(LinuxProcSource)
    forwarder = Forwarder(kill_after_s=options.grace_s)
    with child_subreaper(enabled=options.subreaper):
        # Signals are caught from before the start, so that none ends this process alone.
        async with forwarding(forwarder, options.forwarded):
            is_orphan: Callable[[Identity], bool] = never_orphan
            if options.subreaper:
                is_orphan = await to_thread.run_sync(orphan_test, source)
            started_s = time.monotonic()
            async with started(command, context, source) as child:
                scope = Scope(
                    roots=(child.key,),
                    recursive=options.recursive,
                    is_orphan=is_orphan,
                    command_lines=options.command_lines,
                )
                supervisor = Supervisor(
                    child,
                    Sweeper(source, scope),
                    options=options,
                    forwarder=forwarder,
                    started_s=started_s,
                )
                async with supervisor.at_work():
                    yield supervisor


class Supervisor:
    """The engine behind a ``Supervised``."""

    def __init__(
        self,
        child: Child,
        sweeper: Sweeper,
        *,
        options: SupervisionOptions,
        forwarder: Forwarder,
        started_s: float,
    ) -> None:
        self._child = child
        self._source = sweeper.source
        self._options = options
        self._forwarder = forwarder
        self._started_s = self._ended_s = started_s
        self._oom_kills: int | None = None
        self._children_mark = ChildrenMark()
        # The whole tree is ended and waited for, however little of it is measured.
        self._whole = sweeper.recursively()
        self._termination = TreeTermination(self._source, self._members)
        self._sampler = Sampler(
            sweeper,
            options.interval_s,
            has_ended=lambda _: False,
            max_pss_bytes=options.max_pss_bytes,
        )
        self._ending = Ending()
        self.supervised = Supervised(
            child, self._sampler, self._termination, self._ending, grace_s=options.grace_s
        )
        """What users hold of it."""

    @property
    def received_signals(self) -> frozenset[int]:
        """The signals to forward that have arrived so far."""
        return frozenset(self._forwarder.plan.received)

    def count_descendants(self) -> int:
        """Return how many descendants live now, measured or not. Blocking."""
        return len(self._whole.find()) - 1

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Sample until the end; the block waits for it, and an error of the block ends the tree."""
        try:
            async with beside(self._run):
                self._forwarder.command_started(self)
                yield
                await self._ending.wait()
        except BaseException:
            await self._termination.end(self._options.grace_s)
            raise
        finally:
            if self._options.subreaper:
                with CancelScope(shield=True):
                    await to_thread.run_sync(self._reap_all_adopted)

    async def pass_on(self, signum: int) -> bool:
        """Send a signal to the command or, with ``wait_all`` once it has ended, to what is left.

        Returns whether any process got it.
        """
        if not self._options.wait_all or await to_thread.run_sync(
            is_alive, self._source, self._child.key
        ):
            return self.supervised.send_signal(signum)
        return await self._termination.signal(signum)

    async def kill(self) -> None:
        """SIGKILL the whole tree."""
        await self._termination.kill()

    async def _run(self) -> None:
        """Sample until the command has ended, with ``wait_all`` until its whole tree has."""
        async with (
            beside(self._await_end),
            beside(self._reap_adopted),
            beside(self._enforce_limit),
        ):
            await self._sampler.run()
        # Looked up only now: what was being ended at the last sample has ended since.
        survivors = await to_thread.run_sync(self._find_survivors)
        self._ending.reach(self._result(survivors))

    async def _await_end(self) -> None:
        oom_kills_before = await to_thread.run_sync(count_oom_kills)
        await self._child.process.wait()
        self._ended_s = time.monotonic()
        oom_kills_after = await to_thread.run_sync(count_oom_kills)
        if oom_kills_before is not None and oom_kills_after is not None:
            self._oom_kills = oom_kills_after - oom_kills_before
        if self._options.wait_all:
            # The kernel reports the end of no process but our own children.
            while await to_thread.run_sync(self._is_any_alive):  # noqa: ASYNC110
                await anyio.sleep(_LIVENESS_PAUSE_S)
        self._sampler.stop()

    async def _enforce_limit(self) -> None:
        if self._options.max_pss_bytes is not None and self._options.kill_on_exceed:
            await self._sampler.limit_exceeded.wait()
            await self._termination.end(self._options.grace_s)

    async def _reap_adopted(self) -> None:
        """Reap the orphans that a subreaper inherits: no other process can."""
        me = os.getpid()
        async for snapshot in self.supervised:
            for process in snapshot.processes:
                if process.status is ReadStatus.NO_MEMORY and process.ppid == me:
                    self._reap(process.key)

    def _reap_all_adopted(self) -> None:
        """Reap those too that no snapshot holds: none is published once all have ended."""
        for key in self._members():
            if not is_alive(self._source, key):
                self._reap(key)

    def _reap(self, key: ProcessKey) -> None:
        # The command itself is for the event loop to wait for.
        if key != self._child.key:
            reap(key.pid)

    def _result(self, survivors: tuple[ProcessSample, ...]) -> RunResult:
        code, tally = self._child.process.returncode or 0, self._sampler.tally
        return RunResult(
            command=self._child.command,
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            duration_s=self._ended_s - self._started_s,
            stats=tally.stats,
            peak=tally.whole_peak,
            last=tally.latest,
            survivors=survivors,
            oom_kills=self._oom_kills,
            limit=tally.limit,
            rss_floor_bytes=rss_floor(tally.rss_marks, self._children_bytes()),
            partial=tally.partial,
        )

    def _children_bytes(self) -> int | None:
        if not self._options.has_no_other_children:
            return None
        return self._children_mark.reached_bytes()

    def _find_survivors(self) -> tuple[ProcessSample, ...]:
        if self._sampler.last_sweep is None:
            return ()
        descendants = (p for p in alive(self._sampler.last_sweep) if p.key != self._child.key)
        return tuple(p for p in descendants if is_alive(self._source, p.key))

    def _is_any_alive(self) -> bool:
        members = self._members()
        if any(is_alive(self._source, key) for key in members):
            return True
        # One that has ended since it was listed may have forked before.
        return not set(self._members()) <= set(members)

    def _members(self) -> Sequence[ProcessKey]:
        return [node.key for node in self._whole.find()]
