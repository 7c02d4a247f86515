"""How well a sampling goes, in constant memory. Pure."""

from __future__ import annotations

import math
from typing import Final

from memstat.model import Snapshot
from memstat.results import SamplingStats

_BUCKET: Final = math.log(1.02)
"""Durations are counted in classes 2 % wide: days need no more memory than a minute."""


class RunningStats:
    """Counts samples, gaps and durations."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self.samples = 0
        self._incomplete = 0
        self._torn = 0
        self._missed = 0
        self._stopped = 0
        self._resumed_s: float | None = None
        self._last_elapsed_s: float | None = None
        self._longest_gap_s: float | None = None
        # No Counter: the pytest plugin makes one for each test, and a plain dict is made sooner.
        self._durations: dict[int, int] = {}
        self._max_s: float | None = None
        self._walks = 0
        self._walk_s = self._held_share = 0.0
        self._interval_changes: tuple[tuple[float, float], ...] = ()

    def observe(self, snapshot: Snapshot) -> None:
        self.samples += 1
        self._incomplete += not snapshot.complete
        self._torn += snapshot.torn
        if snapshot.walk_s is not None:
            self._walks += 1
            self._walk_s += snapshot.walk_s
        self._held_share = max(self._held_share, snapshot.held_share)
        if self._resumed_s is not None and snapshot.elapsed_s >= self._resumed_s:
            self._stopped += snapshot.missed_ticks - self._missed
            self._resumed_s = None
        self._missed = snapshot.missed_ticks
        self.end(snapshot.elapsed_s)
        self._last_elapsed_s = snapshot.elapsed_s
        self._max_s = max(snapshot.sweep_s, self._max_s or 0.0)
        bucket = round(math.log(max(snapshot.sweep_s, 1e-9)) / _BUCKET)
        self._durations[bucket] = self._durations.get(bucket, 0) + 1

    def end(self, elapsed_s: float) -> None:
        """Note when what was sampled had ended: what it used since the last sample is not known."""
        if self._last_elapsed_s is not None:
            gap_s = elapsed_s - self._last_elapsed_s
            self._longest_gap_s = max(gap_s, self._longest_gap_s or 0.0)

    def change_interval(self, elapsed_s: float, interval_s: float) -> None:
        """Note that ticks are this far apart from now on."""
        self._interval_s = interval_s
        self._interval_changes += ((elapsed_s, interval_s),)

    def resumed(self, elapsed_s: float) -> None:
        """Note that this process was stopped until now: that is why ticks were missed."""
        self._resumed_s = elapsed_s

    def stats(self) -> SamplingStats:
        """Return what is known so far."""
        return SamplingStats(
            interval_s=self._interval_s,
            samples=self.samples,
            missed_ticks=self._missed,
            incomplete_samples=self._incomplete,
            longest_gap_s=self._longest_gap_s,
            sweep_median_s=self._median_s(),
            sweep_max_s=self._max_s,
            torn_samples=self._torn,
            stopped_ticks=self._stopped,
            walks=self._walks,
            walk_s=self._walk_s,
            held_share=self._held_share,
            interval_changes=self._interval_changes,
        )

    def _median_s(self) -> float | None:
        below = 0
        for bucket in sorted(self._durations):
            below += self._durations[bucket]
            if 2 * below >= self.samples:
                return math.exp(bucket * _BUCKET)
        return None
