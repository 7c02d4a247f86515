"""The axes of a chart: the unit of sizes, and text at instants. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

_KIB: Final = 1 << 10
_MIB: Final = 1 << 20
_GIB: Final = 1 << 30
_TIB: Final = 1 << 40


class Unit(NamedTuple):
    """What sizes are divided by, so that ticks are round in it."""

    name: str
    size_bytes: int

    def of(self, size_bytes: int) -> float:
        """Return a size in this unit, to a thousandth of a pixel."""
        return round(size_bytes / self.size_bytes, 5)


_UNITS: Final = (
    (4 * _MIB, Unit("KiB", _KIB)),
    (4 * _GIB, Unit("MiB", _MIB)),
    (4 * _TIB, Unit("GiB", _GIB)),
)


def unit_for(top_bytes: int) -> Unit:
    """Return the unit of a chart that reaches this size.

    >>> [unit_for(top << 20).name for top in (3, 4, 4096)], unit_for(5 << 40).name
    (['KiB', 'MiB', 'GiB'], 'TiB')
    """
    return next((unit for below, unit in _UNITS if top_bytes < below), Unit("TiB", _TIB))


_STEPS_MS: Final = (
    *(10**power * step for power in range(4) for step in (1, 2, 5)),
    *(1000 * step for step in (10, 15, 30)),
    *(60_000 * step for step in (1, 2, 5, 10, 15, 30)),
    *(3_600_000 * step for step in (1, 2, 3, 6, 12, 24, 48, 168)),
)
_TICK_WIDTH: Final = 90


def step_expression() -> str:
    """Return how Vega chooses the time between two ticks, in milliseconds: as round as a clock's.

    It follows the window and the width of the chart, so that the page can zoom.
    """
    room = f"(to - from) * {_TICK_WIDTH} / width"
    choices = (f"{room} < {step} ? {step}" for step in _STEPS_MS[:-1])
    return f"{' : '.join(choices)} : {_STEPS_MS[-1]}"


SIZE_LABEL: Final = "format(datum.value, ',.3~f')"
TICKS: Final = "sequence(ceil(from / step) * step, to + 1, step)"
TIME_LABEL: Final = (
    "to < 60000 ? format(datum.value / 1000, '.3~f') + ' s'"
    " : (to < 3600000 ? utcFormat(datum.value, '%-M:%S')"
    " : floor(datum.value / 3600000) + utcFormat(datum.value, ':%M:%S'))"
    " + (datum.value % 1000 ? slice(format(datum.value % 1000 / 1000, '.3~f'), 1) : '')"
)
"""How Vega writes an instant, in milliseconds since the start: ``5 s``, ``1:05``, ``1:00:05``."""


class Label(NamedTuple):
    """Text above an instant."""

    elapsed_s: float
    text: str
    row: int = 0
    """0 is that next to the chart."""
    align: str = "left"


_CHARACTER: Final = 0.55
"""How wide a character is at the most usual, in parts of the size of the font."""
_SPACE: Final = 8
MOST_ROWS: Final = 4


def placed(
    wanted: Sequence[tuple[float, str]], *, start_s: float, end_s: float, width: int, font: int
) -> list[Label]:
    """Return the labels of instants in rows, so that none is on another.

    Later ones are lower: so no line up to a label crosses the text of another. What finds no room
    is left out, but for the first.

    >>> two = placed([(0.0, "peak"), (0.1, "mark")], start_s=0, end_s=1, width=100, font=10)
    >>> [(label.text, label.row) for label in two]
    [('mark', 0), ('peak', 1)]
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(MOST_ROWS)]
    labels = []
    for elapsed_s, text in sorted(wanted, reverse=True):
        at = width * (elapsed_s - start_s) / ((end_s - start_s) or 1)
        length = len(text) * font * _CHARACTER
        align = "left" if at + length <= width else "right"
        left = at if align == "left" else at - length
        span = (left - _SPACE, left + length + _SPACE)
        row = next((row for row, spans in enumerate(taken) if _is_free(span, spans)), None)
        if row is not None:
            taken[row].append(span)
            # The line up to it.
            for spans in taken[:row]:
                spans.append((at - 1, at + 1))
        if row is not None or (elapsed_s, text) == wanted[0]:
            labels.append(Label(elapsed_s, text, MOST_ROWS if row is None else row, align))
    return labels


def _is_free(span: tuple[float, float], spans: Sequence[tuple[float, float]]) -> bool:
    return all(span[1] <= low or high <= span[0] for low, high in spans)
