"""The course of a measurement in as many instants as a chart can show. Pure.

Per column of pixels two whole moments are kept: that with the largest total and that with the
smallest. So every point is true, the stack adds up, and the peak is exact. Series that were thinned
each by itself would make stacks of sizes that never were together.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from memstat.charts.frames import Entry, Frame, Moment, Register
from memstat.charts.joining import Gap
from memstat.report.estimates import is_wide

_FIRST_WIDTH_S: Final = 0.001
"""As short as an interval can be."""
MOST_COLUMNS: Final = 500


@dataclass(frozen=True, slots=True)
class Course:
    """What a chart shows."""

    frames: tuple[Frame, ...]
    """In the order of time, each of them one that was; at least one."""
    entries: Sequence[Entry]
    """What their numbers mean."""
    gaps: tuple[Gap, ...]
    """Times without samples, those that a chart can show."""
    column_s: float
    """The time of a column of pixels."""
    end_s: float
    """When the last moment was."""

    @property
    def peak(self) -> Frame:
        """The first frame with the largest total: no snapshot had more."""
        return max(self.frames, key=_total)

    @property
    def has_bounds(self) -> bool:
        """Whether a reader has to know the bounds of a total."""
        return any(is_wide(frame.pss_low_bytes, frame.pss_high_bytes) for frame in self.frames)

    @property
    def start_s(self) -> float:
        return self.frames[0].elapsed_s


class _Column(NamedTuple):
    at: int
    low: Frame
    high: Frame


def course_of(
    events: Iterable[Moment | Gap],
    *,
    most_columns: int = MOST_COLUMNS,
    about_s: float | None = None,
) -> Course | None:
    """Return the course of a measurement, which is read once; ``None`` where it has no moment.

    How long it is need not be known: whenever there are more columns than wanted, they become twice
    as wide. So memory is bounded. Where it is said to be ``about_s`` long, less is kept meanwhile.

    >>> from memstat.charts.joining import moments
    >>> from memstat.testing import snapshot_of
    >>> sizes = [1, 5, 2, 3, 9, 4]
    >>> snapshots = [snapshot_of({7: size}, elapsed_s=at) for at, size in enumerate(sizes)]
    >>> course = course_of(moments(snapshots, 1.0), most_columns=2)
    >>> [frame.pss_bytes for frame in course.frames]
    [1, 9, 4]
    """
    thinning = _Thinning(most_columns, max(_FIRST_WIDTH_S, 1.01 * (about_s or 0) / most_columns))
    for event in events:
        thinning.add(event)
    return thinning.course()


def halved(course: Course) -> Course:
    """Return the same with columns that are twice as wide."""
    width_s = course.column_s * 2
    columns: list[_Column] = []
    for frame in course.frames:
        _put(columns, _Column(int(frame.elapsed_s / width_s), frame, frame))
    gaps = _wide(course.gaps, width_s)
    return _course(_frames(columns), course.entries, gaps, width_s, course.end_s)


class _Thinning:
    def __init__(self, most_columns: int, width_s: float) -> None:
        self._most = most_columns
        self._width_s = width_s
        self._columns: list[_Column] = []
        self._gaps: list[Gap] = []
        self._register = Register()
        self._end_s = 0.0
        self._index: int | None = None
        # Of the last column, as they came: only those that stay become frames.
        self._low: Moment | None = None
        self._high: Moment | None = None

    def add(self, event: Moment | Gap) -> None:
        if isinstance(event, Gap):
            self._gaps.append(event)
            return
        self._end_s = event.elapsed_s
        index = int(event.elapsed_s / self._width_s)
        if self._low is None or self._high is None or index != self._index:
            self._close()
            self._index, self._low, self._high = index, event, event
        elif event.pss_bytes < self._low.pss_bytes:
            self._low = event
        elif event.pss_bytes > self._high.pss_bytes:
            self._high = event

    def _close(self) -> None:
        if self._low is None or self._high is None or self._index is None:
            return
        high = self._register.frame(self._high)
        low = high if self._low is self._high else self._register.frame(self._low)
        _put(self._columns, _Column(self._index, low, high))
        self._low = self._high = None
        while len(self._columns) > self._most:
            self._widen()

    def _widen(self) -> None:
        self._width_s *= 2
        columns: list[_Column] = []
        for index, low, high in self._columns:
            _put(columns, _Column(index // 2, low, high))
        self._columns = columns
        self._gaps = [*_wide(self._gaps, self._width_s)]

    def course(self) -> Course | None:
        self._close()
        if not self._columns:
            return None
        frames, gaps = _frames(self._columns), _wide(self._gaps, self._width_s)
        return _course(frames, self._register.entries, gaps, self._width_s, self._end_s)


def _course(
    frames: Sequence[Frame],
    entries: Sequence[Entry],
    gaps: tuple[Gap, ...],
    column_s: float,
    end_s: float,
) -> Course:
    """Return a course with the entries that its frames have."""
    used = sorted({number for frame in frames for number in frame.entries})
    numbers = {number: at for at, number in enumerate(used)}
    renumbered = tuple(
        frame._replace(entries=array("L", map(numbers.__getitem__, frame.entries)))
        for frame in frames
    )
    return Course(renumbered, [entries[number] for number in used], gaps, column_s, end_s)


def _put(columns: list[_Column], column: _Column) -> None:
    """Add a column at the end; what is of the same column becomes one with it."""
    if not columns or columns[-1].at != column.at:
        columns.append(column)
        return
    index, low, high = columns[-1]
    columns[-1] = _Column(
        index, min(low, column.low, key=_total), max(high, column.high, key=_total)
    )


def _total(frame: Frame) -> int:
    return frame.pss_bytes


def _frames(columns: Sequence[_Column]) -> tuple[Frame, ...]:
    """Return the frames of columns in the order of time, each once."""
    return tuple(
        frame
        for _, low, high in columns
        for frame in ([low] if low is high else sorted((low, high), key=lambda one: one.elapsed_s))
    )


def _wide(gaps: Sequence[Gap], width_s: float) -> tuple[Gap, ...]:
    return tuple(gap for gap in gaps if gap.end_s - gap.start_s >= width_s)
