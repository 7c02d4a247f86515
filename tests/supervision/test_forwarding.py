"""Which signals are passed on, with a real command; the terminal alone is made up."""

from __future__ import annotations

import signal

import anyio
import pytest
from anyio.abc import ObjectSendStream, Process

from memstat.background import beside
from memstat.supervision import forwarding
from memstat.supervision.forwarding import Forwarder

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def foreground(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "in_foreground", lambda: True)


class Sleep:
    """A real process that signals end."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def pass_on(self, signum: int) -> bool:
        self.process.send_signal(signal.Signals(signum))
        return True

    async def kill(self) -> None:
        self.process.kill()


async def run_with_signals(
    early: list[signal.Signals], late: list[signal.Signals]
) -> tuple[int, set[int]]:
    """Return what ended the command, and what came; ``early`` signals come before its start."""
    forwarder = Forwarder(kill_after_s=60)
    sending, receiving = anyio.create_memory_object_stream[signal.Signals](10)
    with anyio.fail_after(60):
        async with receiving, sending, beside(forwarder.run, receiving):
            await send_all(sending, early)
            async with await anyio.open_process(["sleep", "60"], stdout=None) as process:
                forwarder.command_started(Sleep(process))
                await send_all(sending, late)
                status = await process.wait()
    return -status, forwarder.plan.received


async def send_all(stream: ObjectSendStream[signal.Signals], signals: list[signal.Signals]) -> None:
    for signum in signals:
        await stream.send(signum)
    await anyio.wait_all_tasks_blocked()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
async def test_what_came_before_the_start_reaches_the_command(signum: signal.Signals) -> None:
    assert await run_with_signals([signum], []) == (signum, {signum})


async def test_what_the_terminal_sends_to_both_is_not_passed_on() -> None:
    sent = [signal.SIGQUIT, signal.SIGINT, signal.SIGTERM]
    assert await run_with_signals([], sent) == (signal.SIGTERM, set(sent))


async def test_a_second_interrupt_kills() -> None:
    sent = [signal.SIGINT, signal.SIGINT]
    assert await run_with_signals([], sent) == (signal.SIGKILL, {signal.SIGINT})
