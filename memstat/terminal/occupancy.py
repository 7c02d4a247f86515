"""Whether a command has its terminal to itself, or a table may stand below its output. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from memstat.proc.terminal_readers import Waiting
from memstat.terminal.modes import Modes


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a terminal at one moment."""

    modes: Modes
    waiting: Waiting = Waiting.ELSEWHERE
    """The most that a process of the foreground group does."""
    in_foreground: bool = True
    """Whether the terminal is our group's."""
    typed_bytes: int = 0
    """How much that was typed waits to be read."""
    is_shared: bool = False
    """Whether another process has the terminal for its output."""


class Occupancy:
    """Decides from looks at a terminal whether anything may be drawn on it.

    >>> occupancy = Occupancy(Modes())
    >>> occupancy.take(Look(Modes())), occupancy.take(Look(Modes(), Waiting.READS))
    (False, True)
    """

    def __init__(self, at_start: Modes) -> None:
        self._at_start = at_start
        self._in_foreground = True
        self._held_by_modes = False
        self._looks_since_read: int | None = None

    @property
    def is_command_s(self) -> bool:
        """Whether the command has the terminal to itself."""
        return not self._in_foreground or self._held_by_modes or self._looks_since_read is not None

    def take(self, look: Look) -> bool:
        """Take in the next look; return whether the command has the terminal to itself."""
        self._in_foreground = look.in_foreground
        self._follow_modes(look)
        self._follow_reads(look.waiting)
        return self.is_command_s

    def is_decided_by(self, modes: Modes) -> bool:
        """Whether the next look need not know what processes wait for."""
        return self._held_by_modes and self._is_interactive(modes)

    def command_moved_cursor(self, modes: Modes) -> None:
        """Note that output moves the cursor: with such modes it is a program on the whole screen.

        A progress bar moves it as well, in the usual modes.
        """
        self._held_by_modes |= self._is_interactive(modes)

    def _follow_modes(self, look: Look) -> None:
        """Echo that is off means a prompt only if some process may wait for the answer.

        Once it does, the modes end it: a program also works between two keys.
        """
        is_interactive = self._is_interactive(look.modes)
        asks = look.waiting is not Waiting.ELSEWHERE
        self._held_by_modes = is_interactive and (self._held_by_modes or asks)

    def _follow_reads(self, waiting: Waiting) -> None:
        if waiting >= Waiting.READS:
            self._looks_since_read = 0
        elif self._looks_since_read is not None:
            # One look may fall between two reads: the table would come and go.
            self._looks_since_read = None if self._looks_since_read else 1

    def _is_interactive(self, modes: Modes) -> bool:
        return modes.is_less_than(self._at_start)
