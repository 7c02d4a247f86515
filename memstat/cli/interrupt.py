"""Ctrl+C while no command handles it."""

from __future__ import annotations

import signal


def restore_default_sigint() -> None:
    """Let Ctrl+C end memstat as it ends any program: at once, by the signal, without a traceback.

    Where it is ignored (a background job of a script), it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
