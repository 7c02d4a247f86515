"""The fixed grid of ticks. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tick:
    """One kept instant of the grid."""

    index: int
    late_s: float
    missed_ticks: int
    """Ticks that could not be kept, since the start."""


class TickGrid:
    """Instants ``index * interval_s`` after the start: what is late is skipped, never made up.

    >>> grid = TickGrid(0.5)
    >>> grid.begin(0.0).index, grid.next_s
    (0, 0.5)
    >>> grid.begin(1.7)
    Tick(index=3, late_s=0.19999999999999996, missed_ticks=2)
    """

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._next_index = 0
        self._missed = 0

    @property
    def next_s(self) -> float:
        """When the next tick is due, in seconds after the start."""
        return self._next_index * self.interval_s

    def begin(self, elapsed_s: float) -> Tick:
        """Begin the newest tick that is due at ``elapsed_s``; those passed over are missed."""
        index = max(self._next_index, int(elapsed_s / self.interval_s))
        self._missed += index - self._next_index
        self._next_index = index + 1
        return Tick(index, max(0.0, elapsed_s - index * self.interval_s), self._missed)

    def begin_last(self, elapsed_s: float) -> Tick:
        """Begin a last sample between two ticks: it bears the index of the tick before it."""
        due = int(elapsed_s / self.interval_s)
        self._missed += max(0, due + 1 - self._next_index)
        index = max(due, self._next_index - 1, 0)
        self._next_index = index + 1
        return Tick(index, max(0.0, elapsed_s - index * self.interval_s), self._missed)
