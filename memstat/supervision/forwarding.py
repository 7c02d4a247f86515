"""Signals that reach memstat and are meant for the command."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import anyio
from anyio import to_thread

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
    """Return the signals to forward; those ignored since before we began (nohup) stay ignored."""
    return tuple(s for s in _FORWARDED if signal.getsignal(s) is not signal.SIG_IGN)


def in_foreground() -> bool:
    """Whether we belong to the terminal's foreground process group: the command then does too."""
    for fd in (0, 1, 2):
        try:
            return os.tcgetpgrp(fd) == os.getpgrp()
        except OSError:
            continue
    return False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about one signal."""

    forward: bool = False
    kill_later: bool = False
    kill_now: bool = False


class SignalPlan:
    """Decides what each signal means. Pure.

    >>> plan = SignalPlan()
    >>> plan.judge(signal.SIGTERM, 0.0, in_foreground=False)
    Verdict(forward=True, kill_later=True, kill_now=False)
    >>> [plan.judge(signal.SIGINT, t, in_foreground=True).kill_now for t in (5.0, 9.0, 10.5)]
    [False, False, True]
    """

    def __init__(self) -> None:
        self.received: set[int] = set()
        self._interrupted_s = float("-inf")

    def judge(self, signum: int, now_s: float, *, in_foreground: bool) -> Verdict:
        """Return what to do about a signal that came at ``now_s``."""
        self.received.add(signum)
        if signum == signal.SIGINT:
            impatient = now_s - self._interrupted_s <= _IMPATIENCE_S
            self._interrupted_s = now_s
            if impatient:
                return Verdict(kill_now=True)
        # What a terminal sends, it sends to the whole foreground group: the command has it already.
        forward = not (in_foreground and signum in _BY_TERMINAL)
        return Verdict(forward=forward, kill_later=signum in _END)


async def forward_signals(
    signals: AsyncIterable[signal.Signals],
    plan: SignalPlan,
    *,
    send: Callable[[int], object],
    kill: Callable[[], Awaitable[None]],
    kill_after_s: float,
) -> None:
    """Pass signals on; kill the tree when a request to end is not heeded, or was repeated."""
    async with anyio.create_task_group() as tasks:
        async for signum in signals:
            verdict = plan.judge(signum, anyio.current_time(), in_foreground=in_foreground())
            if verdict.kill_now:
                await kill()
            if verdict.forward:
                await to_thread.run_sync(send, signum)
            if verdict.kill_later:
                tasks.start_soon(_kill_after, kill, kill_after_s)


async def _kill_after(kill: Callable[[], Awaitable[None]], delay_s: float) -> None:
    await anyio.sleep(delay_s)
    await kill()


@contextmanager
def receiving(
    forwarded: Collection[signal.Signals],
) -> Iterator[AsyncIterable[signal.Signals] | None]:
    """Receive these signals inside the block; ``None`` when there are none of them."""
    if not forwarded:
        yield None
        return
    with anyio.open_signal_receiver(*forwarded) as signals:
        yield signals


def die_of(signum: int, received: Iterable[int]) -> None:
    """End as the command ended, when it was by a signal that was sent to us as well.

    So a shell sees the truth: a script that gets Ctrl+C stops.
    """
    if signum in received:
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
