"""The fixed grid of ticks. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns seconds since some moment, and never goes back."""


class Tick(NamedTuple):
    """One kept instant of the grid."""

    number: int
    due_s: float
    """When it was due, in seconds after the start."""
    missed_ticks: int
    """Ticks that could not be kept, since the start."""


class TickGrid:
    """Instants ``index * interval_s`` after the start: what is late is skipped, never made up.

    The interval may change; the grid then goes on from the tick that was begun last.

    >>> grid = TickGrid(0.5)
    >>> grid.begin(0.0).number, grid.next_s
    (0, 0.5)
    >>> grid.begin(1.7)
    Tick(number=3, due_s=1.5, missed_ticks=2)
    """

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._origin_s = 0.0
        self._origin = 0
        self._next_index = 0
        self._missed = 0

    def change(self, interval_s: float) -> None:
        """Go on with another interval."""
        last = max(0, self._next_index - 1)
        self._origin_s, self._origin = self._due_s(last), last
        self.interval_s = interval_s

    @property
    def next_s(self) -> float:
        """When the next tick is due, in seconds after the start."""
        return self._due_s(self._next_index)

    def begin(self, elapsed_s: float) -> Tick:
        """Begin the newest tick that is due at ``elapsed_s``; those passed over are missed."""
        return self._at(max(self._next_index, self._index_at(elapsed_s)))

    def begin_last(self, elapsed_s: float) -> Tick:
        """Begin a last sample between two ticks: it bears the index of the tick before it."""
        return self._at(max(self._next_index - 1, self._index_at(elapsed_s)))

    def _due_s(self, index: int) -> float:
        return self._origin_s + (index - self._origin) * self.interval_s

    def _index_at(self, elapsed_s: float) -> int:
        return self._origin + int((elapsed_s - self._origin_s) / self.interval_s)

    def _at(self, index: int) -> Tick:
        self._missed += max(0, index - self._next_index)
        self._next_index = index + 1
        return Tick(index, self._due_s(index), self._missed)


def check_interval(interval_s: float) -> None:
    """Raise ValueError unless ``interval_s`` is positive and finite.

    >>> check_interval(float("nan"))
    Traceback (most recent call last):
    ValueError: the interval must be a positive number of seconds, not nan
    """
    if not (interval_s > 0 and math.isfinite(interval_s)):
        raise ValueError(f"the interval must be a positive number of seconds, not {interval_s}")
