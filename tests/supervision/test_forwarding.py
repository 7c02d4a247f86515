"""Which signals are passed on, with a real command; how a signal came is made up."""

from __future__ import annotations

import signal

import anyio
import pytest
from anyio.abc import ObjectSendStream, Process

from memstat.background import beside
from memstat.errors import CommandLeftRunning
from memstat.proc.signals import Delivery
from memstat.supervision.forwarding import Forwarder, NotPermitted
from memstat.supervision.signal_plan import BY_TERMINAL, Arrival, SignalPlan

pytestmark = pytest.mark.anyio


class Sleep:
    """A real process that signals end, in the foreground of a made-up terminal."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.pid = process.pid
        self.delivery = Delivery.SENT

    async def locate(self, signum: int, arrived_s: float) -> Arrival:  # noqa: ARG002 - of the protocol
        by_terminal = signum in BY_TERMINAL
        return Arrival(reached_command=by_terminal, from_terminal=by_terminal)

    async def pass_on(self, signum: int) -> Delivery:
        if self.delivery is Delivery.SENT:
            self.process.send_signal(signal.Signals(signum))
        return self.delivery

    async def kill(self) -> Delivery:
        self.process.kill()
        return Delivery.SENT


async def run_with_signals(
    early: list[signal.Signals], late: list[signal.Signals], *, pause_s: float = 0.0
) -> tuple[int, set[int]]:
    """Return what ended the command, and what came; ``early`` signals come before its start."""
    forwarder = Forwarder(SignalPlan(), kill_after_s=60)
    sending, receiving = anyio.create_memory_object_stream[signal.Signals](10)
    with anyio.fail_after(60):
        async with receiving, sending, beside(forwarder.run, receiving):
            await send_all(sending, early)
            async with await anyio.open_process(["sleep", "60"], stdout=None) as process:
                forwarder.command_started(Sleep(process))
                await send_all(sending, late, pause_s)
                status = await process.wait()
    return -status, forwarder.received


async def send_all(
    stream: ObjectSendStream[signal.Signals], signals: list[signal.Signals], pause_s: float = 0.0
) -> None:
    for signum in signals:
        await stream.send(signum)
        # It has arrived before the pause begins.
        await anyio.wait_all_tasks_blocked()
        # A person takes this long; nothing waits for it.
        await anyio.sleep(pause_s)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
async def test_what_came_before_the_start_reaches_the_command(signum: signal.Signals) -> None:
    assert await run_with_signals([signum], []) == (signum, {signum})


async def test_what_the_terminal_sends_to_both_is_not_passed_on() -> None:
    sent = [signal.SIGQUIT, signal.SIGINT, signal.SIGTERM]
    assert await run_with_signals([], sent) == (signal.SIGTERM, set(sent))


async def test_a_second_ctrl_c_kills() -> None:
    sent = [signal.SIGINT, signal.SIGINT]
    outcome = await run_with_signals([], sent, pause_s=0.06)
    assert outcome == (signal.SIGKILL, {signal.SIGINT})


async def test_a_second_request_leaves_a_command_that_may_not_be_signalled() -> None:
    reported: list[NotPermitted] = []

    async def report(refused: NotPermitted) -> None:
        reported.append(refused)

    forwarder = Forwarder(SignalPlan(), kill_after_s=60, report=report)
    sending, receiving = anyio.create_memory_object_stream[signal.Signals](10)
    async with (
        receiving,
        sending,
        await anyio.open_process(["sleep", "60"], stdout=None) as process,
    ):
        command = Sleep(process)
        command.delivery = Delivery.NOT_PERMITTED
        forwarder.command_started(command)
        with anyio.fail_after(60), pytest.raises(CommandLeftRunning) as left:
            async with beside(forwarder.run, receiving):
                await send_all(sending, [signal.SIGUSR1, signal.SIGTERM])
                assert reported == [
                    NotPermitted(signal.SIGUSR1, process.pid),
                    NotPermitted(signal.SIGTERM, process.pid),
                ]
                await send_all(sending, [signal.SIGHUP])
                await anyio.sleep_forever()
        process.kill()
    assert (left.value.pid, left.value.signum) == (process.pid, signal.SIGHUP)
