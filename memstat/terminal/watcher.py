"""Looking at a terminal: which job has it, its modes, and which process waits for its input."""

from __future__ import annotations

import os
import time
from typing import Final

from memstat.proc.terminal_readers import TerminalReaders, Waiting
from memstat.terminal.modes import foreground_group, modes_of, typed_bytes
from memstat.terminal.occupancy import Look

_WRITERS_S: Final = 1.0
"""How often it looks for processes that have the terminal for their output."""


class TerminalWatcher:
    """Looks at the terminal of a display. Blocking."""

    def __init__(self, terminal_fd: int, relay_device: int | None = None) -> None:
        self._fd = terminal_fd
        self._readers = TerminalReaders(terminal_fd, relay_device)
        self._is_shared = False
        self._next_s = 0.0

    def look(self, *, at_readers: bool = True) -> Look:
        """Return what is to be seen; without ``at_readers``, processes are not looked at."""
        ours = os.getpgrp()
        group = foreground_group(self._fd)
        # Where it is not our controlling terminal, no job disputes it.
        in_foreground = group is None or group == ours
        modes = modes_of(self._fd)
        waiting = Waiting.ELSEWHERE
        if in_foreground and at_readers:
            waiting = self._readers.look(ours)
        return Look(
            modes=modes,
            waiting=waiting,
            in_foreground=in_foreground,
            typed_bytes=typed_bytes(self._fd),
            is_shared=self._look_for_writers(),
        )

    def _look_for_writers(self) -> bool:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _WRITERS_S
            self._is_shared = self._readers.has_writers()
        return self._is_shared
