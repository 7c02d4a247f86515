"""The keys of a terminal that belongs to this job: its mode while they are read, and the keys."""

from __future__ import annotations

import os
import termios
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import anyio

from memstat.report.keys import keys_of
from memstat.terminal.modes import foreground_group, set_modes, without_stopping

_LOCAL: Final = 3
_CHARACTERS: Final = 6
_READ_BYTES: Final = 1024
_ESCAPE_S: Final = 0.05
"""How long after an escape character the rest of a sequence may come."""
_AGAIN_S: Final = 0.1


class Keyboard:
    """Keys one by one and unseen, while the terminal belongs to our job. For any thread."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[Any] | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    def take(self) -> None:
        """Let keys come one by one, unless another job has the terminal. Harmless when repeated.

        A shell that has had the terminal meanwhile may have set its own mode: that is the one to be
        restored then.
        """
        with self._lock, suppress(termios.error):
            if self._is_closed or not self._is_ours():
                return
            now = termios.tcgetattr(self._fd)
            if now[_LOCAL] & (termios.ICANON | termios.ECHO):
                set_modes(self._fd, by_key(now))
                self._before = now

    def release(self) -> None:
        """Restore the mode of the terminal. Harmless when repeated."""
        with self._lock, suppress(termios.error):
            before, self._before = self._before, None
            # In the background it is the mode of another job by now.
            if before is not None and self._is_ours():
                set_modes(self._fd, before)

    def close(self) -> None:
        """Release the terminal for good."""
        self._is_closed = True
        self.release()

    async def keys(self) -> AsyncIterator[str]:
        """Yield the names of the keys that are pressed, until the terminal goes away."""
        begun = b""
        with suppress(OSError):
            while True:
                data = await self._read(_ESCAPE_S if begun else None)
                keys, begun = keys_of(begun + data, is_all=not data)
                for key in keys:
                    yield key

    async def _read(self, patience_s: float | None) -> bytes:
        """Return what has been typed; nothing when the time is over, or others may read it."""
        with anyio.move_on_after(patience_s):
            await anyio.wait_readable(self._fd)
            # Nothing is there to be read once the terminal has gone, or another process was faster.
            if not self._is_ours() or not (data := self._read_now()):
                await anyio.sleep(_AGAIN_S)
                return b""
            return data
        return b""

    def _read_now(self) -> bytes:
        with without_stopping():
            return os.read(self._fd, _READ_BYTES)

    def _is_ours(self) -> bool:
        return foreground_group(self._fd) == os.getpgrp()


def by_key(modes: list[Any]) -> list[Any]:
    """Return the modes in which keys come one by one and are not shown; Ctrl+C and Ctrl+Z are kept.

    A read returns at once, be it nothing: it must not wait where another process was faster.
    """
    changed = [*modes]
    changed[_LOCAL] &= ~(termios.ICANON | termios.ECHO)
    changed[_CHARACTERS] = [*modes[_CHARACTERS]]
    changed[_CHARACTERS][termios.VMIN] = 0
    changed[_CHARACTERS][termios.VTIME] = 0
    return changed
