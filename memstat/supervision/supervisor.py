"""Supervision of a command: start it, sample it, pass signals on, wait for its end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from typing import Final, NamedTuple

import anyio

from memstat.background import beside, in_thread, require_threads
from memstat.model import Identity, ProcessKey, ProcessSample
from memstat.proc.descriptors import require_descriptors
from memstat.proc.linux import LinuxProcSource
from memstat.proc.platform import count_oom_kills
from memstat.proc.process_group import group_of, in_foreground, leave_process_group
from memstat.proc.signals import Delivery, is_alive
from memstat.proc.source import ProcSource
from memstat.proc.tree import Scope, never_orphan
from memstat.results import RunResult
from memstat.sampling.floor import rss_floor
from memstat.sampling.liveness import alive
from memstat.sampling.observer import Observer
from memstat.sampling.policy import GENTLE, Policy
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweeper
from memstat.supervision.child import Child, started
from memstat.supervision.children_mark import ChildrenMark
from memstat.supervision.forwarding import Forwarder, Reporter, forwarding, report_nothing
from memstat.supervision.orphans import orphan_test
from memstat.supervision.reaping import is_not_own, reaping_at_once, reaping_soon
from memstat.supervision.signal_plan import BY_TERMINAL, Arrival, ForwardingPolicy, SignalPlan
from memstat.supervision.spawn import SpawnContext
from memstat.supervision.supervised import Ending, Supervised
from memstat.supervision.termination import TreeTermination
from memstat.supervision.witness import WITNESSED, Witness, witnessing

_LIVENESS_PAUSE_S: Final = 0.05
_DESCRIPTORS: Final = 8
"""To start a command, refer to it and read processes, one at a time."""


class SupervisionOptions(NamedTuple):
    """How a command is to be measured and ended; ``memstat.supervise`` explains each."""

    recursive: bool = True
    interval_s: float | None = None
    command_lines: bool = False
    policy: Policy = GENTLE
    grace_s: float = 10.0
    subreaper: bool = False
    wait_all: bool = False
    forwarded: Collection[signal.Signals] = ()
    forward: ForwardingPolicy = "auto"
    max_pss_bytes: int | None = None
    kill_on_exceed: bool = True
    owns_process: bool = False
    """Whether this process does nothing else, and has no children but those that memstat starts."""


@asynccontextmanager
async def supervise(
    command: Sequence[str],
    options: SupervisionOptions,
    context: SpawnContext = SpawnContext(),
    *,
    report: Reporter = report_nothing,
    observers: Sequence[Observer] = (),
) -> AsyncIterator[Supervisor]:
    """Start a command and measure it until it ends; the block waits for that end.

    When the block is left by an exception or a cancellation, the tree is ended. ``report`` is
    called for a signal that cannot be passed on; ``observers`` get every snapshot.
    """
    # What runs short fails now, while there is no command that would have to be ended.
    await require_threads(1)
    require_descriptors(_DESCRIPTORS)
    source = await in_thread(LinuxProcSource)
    plan = SignalPlan(options.forward)
    forwarder = Forwarder(plan, kill_after_s=options.grace_s, report=report)
    witness = Witness() if options.forwarded and options.forward == "auto" else None

    def command_is_there() -> None:
        if witness is not None and witness.command_is_there(forwarder.received):
            forwarder.command_is_there()

    with _adopting(options):
        # Signals are caught from before the start, so that none ends this process alone.
        async with (
            forwarding(forwarder, options.forwarded),
            nullcontext() if witness is None else witnessing(witness),
        ):
            is_orphan: Callable[[Identity], bool] = never_orphan
            if options.subreaper:
                is_orphan = await in_thread(orphan_test, source)
            started_s = time.monotonic()
            async with (
                _reaping(options, source, is_orphan),
                started(command, context, source, command_is_there) as child,
            ):
                scope = Scope(
                    roots=(child.key,),
                    recursive=options.recursive,
                    is_orphan=is_orphan,
                    command_lines=options.command_lines,
                )
                supervisor = Supervisor(
                    child,
                    Sweeper(source, scope, options.policy, owns_loop=options.owns_process),
                    options=options,
                    forwarder=forwarder,
                    witness=witness,
                    started_s=started_s,
                    observers=observers,
                )
                async with supervisor.at_work():
                    yield supervisor


def _adopting(options: SupervisionOptions) -> AbstractContextManager[None]:
    """Adopt orphans, where they are to be measured."""
    if not options.subreaper:
        return nullcontext()
    from memstat.supervision.subreaper import child_subreaper  # noqa: PLC0415 - ctypes

    return child_subreaper()


def _reaping(
    options: SupervisionOptions, source: ProcSource, is_orphan: Callable[[Identity], bool]
) -> AbstractAsyncContextManager[None]:
    """Reap orphans as long as this process adopts them: as a subreaper, and as process 1."""
    if options.owns_process:
        return reaping_at_once(is_not_own)

    def is_adopted(pid: int) -> bool:
        identity = source.identify(pid)
        return identity is not None and is_orphan(identity)

    return reaping_soon(is_adopted) if options.subreaper else nullcontext()


class Supervisor:
    """The engine behind a ``Supervised``."""

    def __init__(
        self,
        child: Child,
        sweeper: Sweeper,
        *,
        options: SupervisionOptions,
        forwarder: Forwarder,
        witness: Witness | None,
        started_s: float,
        observers: Sequence[Observer],
    ) -> None:
        self._child = child
        self._source = sweeper.source
        self._options = options
        self._forwarder = forwarder
        self._witness = witness
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
            observers=observers,
        )
        self._ending = Ending()
        self.supervised = Supervised(
            child,
            self._sampler,
            self._termination,
            self._ending,
            grace_s=options.grace_s,
            kills_on_exceed=options.kill_on_exceed,
        )
        """What users hold of it."""

    @property
    def received_signals(self) -> frozenset[int]:
        """The signals to forward that came so far, to this process or to the command's group."""
        by_group = frozenset() if self._witness is None else self._witness.received
        return frozenset(self._forwarder.received) | by_group

    def count_descendants(self) -> int:
        """Return how many descendants live now, measured or not. Blocking."""
        return len(self._whole.find()) - 1

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Sample until the end; the block waits for it, and an error of the block ends the tree."""
        try:
            async with beside(self._run):
                self._forwarder.command_started(self)
                await self._leave_group()
                yield
                await self._ending.wait()
        except BaseException:
            await self._termination.end(self._options.grace_s)
            raise

    async def _leave_group(self) -> None:
        """Leave the command alone in its group, where that is possible.

        A signal to the group then reaches the command alone, and SIGKILL spares this process.
        """
        if self._witness is None:
            return
        if self._options.owns_process and await in_thread(leave_process_group):
            self._witness.watch(self.notice)
        # What came to the group before the command was there is none of its.
        self._witness.look()

    @property
    def pid(self) -> int:
        """PID of the command."""
        return self._child.process.pid

    async def locate(self, signum: int, arrived_s: float) -> Arrival:
        """Return how a signal came."""
        at_terminal = signum in BY_TERMINAL and in_foreground()
        to_group = None
        if self._witness is not None and signum in WITNESSED:
            to_group = await self._witness.has_received(signum, arrived_s)
        if to_group is None:
            # A terminal signals its whole foreground group. Of others, twice harms less than never.
            to_group = at_terminal
        from_terminal = to_group and at_terminal
        return Arrival(
            reached_command=to_group and self._is_in_group() and (from_terminal or self._permits()),
            from_terminal=from_terminal,
        )

    def notice(self, signum: int) -> None:
        """Take in what the command's group received, and this process, outside it, did not."""
        if self._is_in_group():
            self._forwarder.take(signum, Arrival(reached_command=True))

    def _is_in_group(self) -> bool:
        """Whether the command is still in the process group that it was started in."""
        group = os.getpgrp() if self._witness is None else self._witness.group
        return group_of(self.pid) == group

    def _permits(self) -> bool:
        """Whether the command may be signalled; where not, others may not signal it either."""
        return self._child.send_signal(0) is not Delivery.NOT_PERMITTED

    async def pass_on(self, signum: int) -> Delivery:
        """Send a signal to the command or, with ``wait_all`` once it has ended, to what is left."""
        if not self._options.wait_all or await in_thread(is_alive, self._source, self._child.key):
            return self._child.send_signal(signum)
        return await self._termination.signal(signum)

    async def kill(self) -> Delivery:
        """SIGKILL the whole tree; return whether the command itself may be signalled."""
        await self._termination.kill()
        refused = self._child.send_signal(0) is Delivery.NOT_PERMITTED
        return Delivery.NOT_PERMITTED if refused else Delivery.SENT

    async def _run(self) -> None:
        """Sample until the command has ended, with ``wait_all`` until its whole tree has."""
        async with (
            beside(self._await_end),
            beside(self._enforce_limit),
        ):
            await self._sampler.run()
        # Looked up only now: what was being ended at the last sample has ended since.
        await self._termination.settled()
        descendants = self._last_descendants()
        # Without any, no time is spent on a thread.
        survivors = await in_thread(self._still_alive, descendants) if descendants else ()
        self._ending.reach(self._result(survivors))

    async def _await_end(self) -> None:
        oom_kills_before = await in_thread(count_oom_kills)
        await self._child.process.wait()
        self._ended_s = time.monotonic()
        oom_kills_after = await in_thread(count_oom_kills)
        if oom_kills_before is not None and oom_kills_after is not None:
            self._oom_kills = oom_kills_after - oom_kills_before
        if self._options.wait_all:
            # The kernel reports the end of no process but our own children.
            while await in_thread(self._is_any_alive):  # noqa: ASYNC110
                await anyio.sleep(_LIVENESS_PAUSE_S)
        self._sampler.stop()

    async def _enforce_limit(self) -> None:
        if self._options.max_pss_bytes is not None and self._options.kill_on_exceed:
            await self._sampler.limit_exceeded.wait()
            await self._termination.end(self._options.grace_s)

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
        if not self._options.owns_process:
            return None
        return self._children_mark.reached_bytes()

    def _last_descendants(self) -> Sequence[ProcessSample]:
        if self._sampler.last_sweep is None:
            return ()
        return [p for p in alive(self._sampler.last_sweep) if p.key != self._child.key]

    def _still_alive(self, processes: Sequence[ProcessSample]) -> tuple[ProcessSample, ...]:
        return tuple(p for p in processes if is_alive(self._source, p.key))

    def _is_any_alive(self) -> bool:
        members = self._members()
        if any(is_alive(self._source, key) for key in members):
            return True
        # One that has ended since it was listed may have forked before.
        return not set(self._members()) <= set(members)

    def _members(self) -> Sequence[ProcessKey]:
        return [node.key for node in self._whole.find()]
