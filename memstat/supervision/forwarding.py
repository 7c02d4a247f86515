"""Signals that reach memstat and are meant for the command."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Coroutine, Iterable
from contextlib import asynccontextmanager
from math import inf
from typing import Any, Final, NamedTuple, Protocol

import anyio
from anyio.abc import ObjectReceiveStream
from anyio.streams.memory import MemoryObjectSendStream

from memstat.background import beside
from memstat.errors import CommandLeftRunning
from memstat.proc.signals import Delivery
from memstat.supervision.signal_plan import Aftermath, Arrival, SignalPlan

_FORWARDED: Final = (
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)


def forwardable_signals() -> tuple[signal.Signals, ...]:
    """Return the signals to forward; those that were ignored at our start (nohup) stay ignored."""
    return tuple(s for s in _FORWARDED if signal.getsignal(s) is not signal.SIG_IGN)


class Command(Protocol):
    """What signals are passed on to."""

    @property
    def pid(self) -> int: ...

    async def locate(self, signum: int, arrived_s: float) -> Arrival:
        """Return how a signal came that arrived then, in the time of the event loop."""
        ...

    async def pass_on(self, signum: int) -> Delivery:
        """Send a signal; with signal 0 only find out what would become of one."""
        ...

    async def kill(self) -> Delivery:
        """Kill the whole tree; return whether that was permitted for the command itself."""
        ...


class NotPermitted(NamedTuple):
    """The command may not be signalled."""

    signum: int
    pid: int
    """PID of the command."""


async def report_nothing(_: NotPermitted) -> None:
    """Report nothing: a library has no stderr of its own."""


Reporter = Callable[[NotPermitted], Coroutine[Any, Any, None]]


class _Received(NamedTuple):
    signum: int
    arrived_s: float
    arrival: Arrival | None
    """``None``: to be found out."""


class Forwarder:
    """Passes signals on to a command, also those that arrived before it had started.

    The whole tree is killed when a request to end has no effect in time, or was repeated.
    """

    def __init__(
        self, plan: SignalPlan, *, kill_after_s: float, report: Reporter = report_nothing
    ) -> None:
        self.received: set[int] = set()
        """The signals that have arrived so far, dealt with or not."""
        self._plan = plan
        self._kill_after_s = kill_after_s
        self._report = report
        self._is_starting = False
        self._started = anyio.Event()
        self._end_requested = anyio.Event()
        self._command: Command | None = None
        self._put: MemoryObjectSendStream[_Received] | None = None

    def command_starting(self) -> None:
        """Note that from now on a signal may have reached the command: it may send one itself.

        How such a signal came is found out once the command has started.
        """
        self._is_starting = True

    def command_started(self, command: Command) -> None:
        """Begin to pass on."""
        self._is_starting = True
        self._command = command
        self._started.set()

    def take(self, signum: int, arrival: Arrival | None = None) -> None:
        """Take in a signal that has just arrived, while ``run`` runs."""
        if not self._is_starting:
            # What is sent to a group or by a terminal reaches what is there: the command was not.
            arrival = Arrival()
        self.received.add(signum)
        if self._put is not None:
            self._put.send_nowait(_Received(signum, anyio.current_time(), arrival))

    async def run(self, signals: AsyncIterable[signal.Signals]) -> None:
        """Take in signals as they come. Raises CommandLeftRunning."""
        self._put, queue = anyio.create_memory_object_stream[_Received](inf)
        # One that was sent to a group as well takes a moment to be known: more may come meanwhile.
        with self._put, queue:
            async with beside(self._kill_later), beside(self._handle, queue):
                async for signum in signals:
                    self.take(signum)

    async def _handle(self, queue: ObjectReceiveStream[_Received]) -> None:
        await self._started.wait()
        assert self._command is not None
        async for received in queue:
            await self._pass_on(self._command, received)

    async def _pass_on(self, command: Command, received: _Received) -> None:
        signum, arrived_s = received.signum, received.arrived_s
        arrival = received.arrival or await command.locate(signum, arrived_s)
        decision = self._plan.decide(signum, arrived_s, arrival)
        if decision.kill_later:
            self._end_requested.set()
        delivery = Delivery.SENT
        if decision.kill_now:
            delivery = await command.kill()
        elif decision.forward:
            delivery = await command.pass_on(signum)
        await self._conclude(command, signum, self._plan.after(signum, delivery))

    async def _conclude(self, command: Command, signum: int, aftermath: Aftermath) -> None:
        if aftermath.restore_default:
            signal.signal(signum, signal.SIG_DFL)
        if aftermath.report:
            await self._report(NotPermitted(signum, command.pid))
        if aftermath.leave:
            raise CommandLeftRunning(command.pid, signum)

    async def _kill_later(self) -> None:
        await self._end_requested.wait()
        await anyio.sleep(self._kill_after_s)
        command = self._command
        # What has outlived the command is none of our business.
        if command is not None and await command.pass_on(0) is not Delivery.ENDED:
            await command.kill()


@asynccontextmanager
async def forwarding(
    forwarder: Forwarder, signals: Collection[signal.Signals]
) -> AsyncIterator[None]:
    """Catch these signals inside the block and pass them on. Raises CommandLeftRunning."""
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
