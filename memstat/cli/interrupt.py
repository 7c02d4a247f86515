"""Ctrl+C while no command handles it, the end of Ctrl+Z, and resizes of the terminal."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType


def restore_default_sigint() -> None:
    """Let Ctrl+C end memstat as it ends any program: at once, by the signal, without a traceback.

    Where it is ignored (a background job of a script), it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def on_resume(*acts: Callable[[], object]) -> None:
    """Call these, in this order, whenever this process goes on after it was stopped.

    A handler of Python's own runs before the event loop does anything else, such as the next tick.
    """

    def act(*_: object) -> None:
        for each in acts:
            each()

    signal.signal(signal.SIGCONT, act)


def on_resize(act: Callable[[], object]) -> None:
    """Call it, and what has handled the signal so far, whenever the terminal has another size.

    After two resizes in quick succession it may be the size of before, and nothing else shows that
    the terminal has moved what stood on it.
    """
    before = signal.getsignal(signal.SIGWINCH)

    def handle(signum: int, frame: FrameType | None) -> None:
        act()
        if callable(before):
            before(signum, frame)

    signal.signal(signal.SIGWINCH, handle)
