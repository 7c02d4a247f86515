"""Ctrl+C while no command handles it, and the end of Ctrl+Z."""

from __future__ import annotations

import signal
from collections.abc import Callable


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
