"""The processes of a snapshot as a sweep leaves them; samples are made of them on demand. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memstat.deferred import with_walk_age
from memstat.model import ProcessSample


class Row(NamedTuple):
    """A process, from the sweep that showed something new of it to the next one that does."""

    sample: ProcessSample
    """What it was in the first of these snapshots."""
    walked_at_s: float | None
    """When the sweep of its last walk began; ``None`` where ``sample`` is as true at any time."""

    def at(self, now_s: float) -> ProcessSample:
        """Return what it was in a sweep that began then."""
        if self.walked_at_s is None:
            return self.sample
        age_s = now_s - self.walked_at_s
        is_same = age_s == self.sample.walk_age_s
        return self.sample if is_same else with_walk_age(self.sample, age_s)


class Rows:
    """All processes of a sweep: ``Deferred``."""

    __slots__ = ("_now_s", "_rows", "undated")

    def __init__(self, rows: Sequence[Row], undated: Sequence[ProcessSample], now_s: float) -> None:
        """``undated`` are the samples of ``rows``."""
        self._rows = rows
        self._now_s = now_s
        self.undated = undated

    def dated(self) -> tuple[ProcessSample, ...]:
        return tuple([row.at(self._now_s) for row in self._rows])
