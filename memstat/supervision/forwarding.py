"""Signals that reach memstat and are meant for the command."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
from anyio.abc import TaskGroup

from memstat.background import beside

_FORWARDED: Final = (
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)
_END: Final = frozenset({signal.SIGTERM, signal.SIGHUP})
_BY_TERMINAL: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH})
_IMPATIENCE_S: Final = 2.0


def forwardable_signals() -> tuple[signal.Signals, ...]:
    """Return the signals to forward; those that were ignored at our start (nohup) stay ignored."""
    return tuple(s for s in _FORWARDED if signal.getsignal(s) is not signal.SIG_IGN)


def in_foreground() -> bool:
    """Whether this process is in the terminal's foreground group: the command then is too."""
    for fd in (0, 1, 2):
        try:
            return os.tcgetpgrp(fd) == os.getpgrp()
        except OSError:
            continue
    return False


@dataclass(frozen=True, slots=True)
class SignalDecision:
    """What to do about one signal."""

    forward: bool = False
    kill_later: bool = False
    kill_now: bool = False


class SignalPlan:
    """Decides what each signal means. Pure.

    >>> plan = SignalPlan()
    >>> plan.decide(signal.SIGTERM, 0.0, in_foreground=False)
    SignalDecision(forward=True, kill_later=True, kill_now=False)
    >>> [plan.decide(signal.SIGINT, t, in_foreground=True).kill_now for t in (5.0, 9.0, 10.5)]
    [False, False, True]
    """

    def __init__(self) -> None:
        self.received: set[int] = set()
        self._interrupted_s = float("-inf")

    def decide(self, signum: int, now_s: float, *, in_foreground: bool) -> SignalDecision:
        """Return what to do about a signal that arrived at ``now_s``."""
        self.received.add(signum)
        if signum == signal.SIGINT:
            impatient = now_s - self._interrupted_s <= _IMPATIENCE_S
            self._interrupted_s = now_s
            if impatient:
                return SignalDecision(kill_now=True)
        # A terminal signals the whole foreground group: the command has received it already.
        forward = not (in_foreground and signum in _BY_TERMINAL)
        return SignalDecision(forward=forward, kill_later=signum in _END)


class Command(Protocol):
    """What signals are passed on to."""

    async def pass_on(self, signum: int) -> bool: ...

    async def kill(self) -> None: ...


class Forwarder:
    """Passes signals on to a command, also those that arrived before it had started.

    The whole tree is killed when a request to end has no effect in time, or was repeated.
    """

    def __init__(self, *, kill_after_s: float) -> None:
        self.plan = SignalPlan()
        self._kill_after_s = kill_after_s
        self._early: list[int] = []
        self._started = anyio.Event()
        self._command: Command | None = None

    def command_started(self, command: Command) -> None:
        """Begin to pass on."""
        self._command = command
        self._started.set()

    async def run(self, signals: AsyncIterable[signal.Signals]) -> None:
        """Take in signals as they come."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._pass_on_early, tasks)
            async for signum in signals:
                if self._command is None:
                    self._early.append(signum)
                else:
                    await self._pass_on(self._command, signum, tasks, by_terminal=in_foreground())

    async def _pass_on_early(self, tasks: TaskGroup) -> None:
        await self._started.wait()
        assert self._command is not None
        for signum in self._early:
            # A terminal signals what is there at the time: the command was not.
            await self._pass_on(self._command, signum, tasks, by_terminal=False)

    async def _pass_on(
        self, command: Command, signum: int, tasks: TaskGroup, *, by_terminal: bool
    ) -> None:
        decision = self.plan.decide(signum, anyio.current_time(), in_foreground=by_terminal)
        if decision.kill_now:
            await command.kill()
        if decision.forward and not await command.pass_on(signum):
            # All have ended: only a blocked reader of our output keeps us. The next signal ends us.
            signal.signal(signum, signal.SIG_DFL)
        elif decision.kill_later:
            tasks.start_soon(self._kill_later, command)

    async def _kill_later(self, command: Command) -> None:
        await anyio.sleep(self._kill_after_s)
        await command.kill()


@asynccontextmanager
async def forwarding(
    forwarder: Forwarder, signals: Collection[signal.Signals]
) -> AsyncIterator[None]:
    """Catch these signals inside the block and pass them on."""
    if not signals:
        yield
        return
    with anyio.open_signal_receiver(*signals) as received:
        async with beside(forwarder.run, received):
            yield


def exit_by_signal(signum: int, received: Iterable[int]) -> None:
    """End by the signal that ended the command, when this process received it as well.

    The shell then sees the true cause: a script that gets Ctrl+C stops.
    """
    if signum in received:
        # A core file of memstat would replace the command's.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
