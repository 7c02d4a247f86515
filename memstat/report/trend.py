"""Lines of small bars that show how a size has changed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = "_.-:=+*#"


class Trend:
    """The values over any length of time, in constant memory.

    When it is full, neighbours become one, of which the larger stays: no peak gets lost.

    >>> trend = Trend(4)
    >>> for value in (1, 9, 2, 3, 4):
    ...     trend.add(value)
    >>> trend.values
    (9, 3, 4)
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: list[int] = []
        self._span = 1
        self._in_last = 0

    @property
    def values(self) -> tuple[int, ...]:
        return tuple(self._values)

    def add(self, value: int) -> None:
        if self._values and self._in_last < self._span:
            self._values[-1] = max(self._values[-1], value)
            self._in_last += 1
            return
        if len(self._values) == self._capacity:
            self._values = _pairwise_largest(self._values)
            self._span *= 2
        self._values.append(value)
        self._in_last = 1


def _pairwise_largest(values: Sequence[int]) -> list[int]:
    return [max(values[at : at + 2]) for at in range(0, len(values), 2)]


def bars(values: Sequence[int], *, width: int, top: int, ascii_only: bool = False) -> str:
    """Return one character per value, the largest values where there are more than fit.

    >>> bars([0, 50, 100], width=8, top=100)
    '▁▅█'
    """
    if width <= 0:
        return ""
    while len(values) > width:
        values = _pairwise_largest(values)
    levels = _ASCII_BARS if ascii_only else _BARS
    top = max(top, 1)
    steps_per_byte = (len(levels) - 1) / top
    try:
        return "".join([levels[round(steps_per_byte * value)] for value in values])
    except IndexError:
        within = [min(value, top) for value in values]
        return bars(within, width=width, top=top, ascii_only=ascii_only)
