"""Looking at a terminal: which job has it, its modes, and which process waits for its input."""

from __future__ import annotations

import os

from memstat.proc.terminal_readers import TerminalReaders, Waiting
from memstat.terminal.modes import foreground_group, modes_of
from memstat.terminal.occupancy import Look


class TerminalWatcher:
    """Looks at the terminal of a display. Blocking."""

    def __init__(self, terminal_fd: int, relay_device: int | None = None) -> None:
        self._fd = terminal_fd
        self._readers = TerminalReaders(terminal_fd, relay_device)

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
        return Look(modes=modes, waiting=waiting, in_foreground=in_foreground)
