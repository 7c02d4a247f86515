"""How a total has developed: the largest of each part of the time, so no spike is lost. Pure."""

from __future__ import annotations

from array import array
from typing import Final

from memstat.model import Snapshot

_MOST_POINTS: Final = 1 << 16
_UNKNOWN: Final = -1.0


class Course:
    """The totals of snapshots by their time, in bounded memory: from the first of them on.

    When it is full, neighbours become one, of which the larger stays.

    >>> from memstat.testing import snapshot_of
    >>> course = Course()
    >>> for second, size in enumerate((1, 9, 2, 3)):
    ...     course.add(snapshot_of({7: size}, tick=second, elapsed_s=float(second)))
    >>> course.columns(4), course.columns(2)
    ([1, 9, 2, 3], [9, 3])
    """

    def __init__(self, most_points: int = _MOST_POINTS) -> None:
        self._most = most_points
        self._at_s = array("d")
        self._sizes = array("d")
        self._tick = self._missed = 0
        self.start_s = self.end_s = 0.0
        """When the first and the last snapshot were taken."""

    def add(self, snapshot: Snapshot) -> None:
        """Take in the next snapshot."""
        if not self._at_s:
            self.start_s = snapshot.elapsed_s
        elif snapshot.missed_ticks > self._missed:
            # From about the tick after the last one on nothing is known.
            ticks = max(1, snapshot.tick - self._tick)
            self.interrupt(self.end_s + (snapshot.elapsed_s - self.end_s) / ticks)
        self._tick, self._missed = snapshot.tick, snapshot.missed_ticks
        total_bytes = snapshot.total.pss_bytes
        self._add(snapshot.elapsed_s, _UNKNOWN if total_bytes is None else float(total_bytes))
        self.end_s = snapshot.elapsed_s

    def interrupt(self, elapsed_s: float) -> None:
        """Take in that nothing is known from this instant up to the next snapshot."""
        if self._at_s:
            self._add(elapsed_s, _UNKNOWN)

    def columns(self, width: int) -> list[int | None]:
        """Return the largest total in each of so many equal parts of the time.

        A total is as it was in the snapshot before until there is another one; ``None`` where none
        is known.
        """
        found = [_UNKNOWN] * width
        last_at, last = 0, _UNKNOWN
        for at_s, size in zip(self._at_s, self._sizes, strict=True):
            at = self.column_of(at_s, width)
            found[last_at + 1 : at] = [last] * (at - last_at - 1)
            found[at] = max(found[at], size)
            last_at, last = max(at, last_at), size
        found[last_at + 1 :] = [last] * (width - last_at - 1)
        return [None if size < 0 else int(size) for size in found]

    def column_of(self, elapsed_s: float, width: int) -> int:
        """Return which of so many columns an instant is in."""
        whole_s = self.end_s - self.start_s
        part = (elapsed_s - self.start_s) / whole_s if whole_s > 0 else 0.0
        return max(0, min(int(part * width), width - 1))

    def _add(self, elapsed_s: float, size: float) -> None:
        if len(self._sizes) == self._most:
            self._halve()
        self._at_s.append(elapsed_s)
        self._sizes.append(size)

    def _halve(self) -> None:
        sizes = self._sizes
        kept = [at if sizes[at] >= sizes[at + 1] else at + 1 for at in range(0, len(sizes) - 1, 2)]
        self._at_s = array("d", [self._at_s[at] for at in kept])
        self._sizes = array("d", [sizes[at] for at in kept])
