"""The course of a total as lines of text: a scale on the left, time and marks below. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from memstat.report.course import Course
from memstat.report.scale import WIDTH, scale_for
from memstat.results import Mark, Peak
from memstat.units import format_duration, format_elapsed, format_size

_ROWS: Final = 8
_SIDE_WIDTH: Final = 2
_LEAST_WIDTH: Final = 10
_LABEL_WIDTH: Final = 10
_STEPS_S: Final = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800),
)
_DAY_S: Final = 86400
_MOMENT: Final = 0.1
"""A part of the time between two ticks."""


class _Signs(NamedTuple):
    """What a chart is drawn with."""

    levels: str
    """From an empty cell to a full one."""
    side: str
    label: str
    """The side where a size stands left of it."""
    base: str
    tick: str
    unknown: str
    down: str
    up: str


_DRAWN: Final = _Signs(" ▁▂▃▄▅▆▇█", "│", "┤", "─", "┬", "?", "▼", "▲")
_TYPED: Final = _Signs(" .:|", "|", "+", "-", "+", "?", "v", "^")


def chart_lines(
    course: Course, peak: Peak, marks: Sequence[Mark], width: int, *, ascii_only: bool = False
) -> list[str]:
    """Return the course with its peak and its marks, which have their numbers.

    >>> from memstat.testing import snapshot_of
    >>> course = Course()
    >>> snapshots = [snapshot_of({7: s << 20}, tick=s, elapsed_s=float(s)) for s in range(1, 9)]
    >>> for snapshot in snapshots:
    ...     course.add(snapshot)
    >>> peak = Peak(8 << 20, snapshots[-1])
    >>> chart_lines(course, peak, (), 25, ascii_only=True)[1]
    '    8.0 +               |'
    """
    signs = _TYPED if ascii_only else _DRAWN
    room = max(_LEAST_WIDTH, width - WIDTH - _SIDE_WIDTH)
    columns = course.columns(room)
    at = course.column_of(peak.elapsed_s, room)
    indent = " " * (WIDTH + _SIDE_WIDTH)
    lines = [
        indent + _peak_line(peak, at, room, signs),
        *_rows(columns, peak.pss_bytes, signs),
        *_time_lines(course, room, signs),
    ]
    if marks:
        marked = [course.column_of(mark.elapsed_s, room) for mark in marks]
        lines.append(indent + _mark_line(marked, signs)[:room])
    if None in columns:
        lines.append(f"{indent}{signs.unknown} nothing is known of this time")
    return [line.rstrip() for line in lines]


def _peak_line(peak: Peak, at: int, room: int, signs: _Signs) -> str:
    """Return a sign above the peak, with as much of its size and time beside it as has the room."""
    size = format_size(peak.pss_bytes)
    for text in (f"{size} at {format_elapsed(peak.elapsed_s)}", size):
        if at + 2 + len(text) <= room:
            return f"{' ' * at}{signs.down} {text}"
        if len(text) < at:
            return f"{text:>{at - 1}} {signs.down}"
    return f"{' ' * at}{signs.down}"


def _rows(columns: Sequence[int | None], top_bytes: int, signs: _Signs) -> list[str]:
    """Return the rows from the top on, with a size at the top, in the middle and at the bottom."""
    steps = len(signs.levels) - 1
    heights = [_height(size, top_bytes, steps) for size in columns]
    scale = scale_for(top_bytes)
    labels = {_ROWS: f"{scale.text(top_bytes)}", _ROWS // 2: scale.text(top_bytes // 2)}
    lines = []
    for row in range(_ROWS, 0, -1):
        below = (row - 1) * steps
        cells = [
            (signs.unknown if row == 1 else " ")
            if height is None
            else signs.levels[max(0, min(height - below, steps))]
            for height in heights
        ]
        side = signs.label if row in labels else signs.side
        lines.append(f"{labels.get(row, ''):>{WIDTH}} {side}{''.join(cells)}")
    return lines


def _height(size: int | None, top_bytes: int, steps: int) -> int | None:
    """Return how many steps high a column is; at least one where there is anything."""
    if size is None:
        return None
    return max(round(size * _ROWS * steps / max(top_bytes, 1)), int(size > 0))


def _time_lines(course: Course, room: int, signs: _Signs) -> list[str]:
    """Return the base line with ticks, and their times below it."""
    base, labels = [signs.base] * room, [" "] * room
    end_of_label = -1
    for at_s in _ticks(course.start_s, course.end_s, room):
        at, text = course.column_of(at_s, room), _time_text(at_s)
        base[at] = signs.tick
        start = min(max(at - len(text) // 2, 0), room - len(text))
        if start > end_of_label:
            labels[start : start + len(text)] = text
            end_of_label = start + len(text)
    return [f"{'0':>{WIDTH}} {signs.label}{''.join(base)}", " " * (WIDTH + 2) + "".join(labels)]


def _ticks(start_s: float, end_s: float, room: int) -> list[float]:
    """Return instants at round times, with room for a label at each.

    >>> _ticks(0.01, 3.5, 40), _ticks(61.5, 64.9, 40)
    ([0, 1, 2, 3], [62, 63, 64])
    """
    most, whole_s = max(1, room // _LABEL_WIDTH), end_s - start_s
    step_s = next((step for step in _STEPS_S if whole_s / step <= most), None)
    if step_s is None:
        step_s = _DAY_S * -(-whole_s // (_DAY_S * most))
    # The first snapshot is a moment after the start: there is a tick all the same.
    first = math.ceil(start_s / step_s - _MOMENT)
    return [number * step_s for number in range(first, int(end_s / step_s) + 1)]


def _time_text(at_s: float) -> str:
    """Return a time in as few characters as it needs."""
    return f"{at_s:g} s" if at_s < 60 else format_duration(at_s)


def _mark_line(columns: Sequence[int], signs: _Signs) -> str:
    """Return signs with the numbers of marks, as far as there is room for them."""
    line = ""
    for number, at in enumerate(columns, 1):
        if at >= len(line):
            line += " " * (at - len(line)) + f"{signs.up}{number}"
    return line
