"""The running peak and the quality of a sampling. Pure."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from memstat.model import Mark, Peak, SamplingStats, Snapshot

_BUCKET: Final = math.log(1.02)
"""Durations are counted in classes 2 % wide: days need no more memory than a minute."""


class RunningPeak:
    """Keeps the snapshot with the largest total; the earliest of equals.

    A snapshot in which nothing could be measured has no total and is no candidate; nor is one that
    began before ``since_s``: some of it was read in the phase before.
    """

    def __init__(self, since_s: float = 0.0) -> None:
        self.peak: Peak | None = None
        self._since_s = since_s

    def observe(self, snapshot: Snapshot) -> None:
        total = snapshot.total.pss_bytes
        if total is None or snapshot.elapsed_s < self._since_s:
            return
        if self.peak is None or total > self.peak.pss_bytes:
            self.peak = Peak(total, snapshot)


class Phases:
    """The peak of all, that since the last reset and that since the last mark.

    >>> from memstat.testing import snapshot_of
    >>> phases = Phases()
    >>> phases.observe(snapshot_of({7: 4096}, elapsed_s=0.1))
    >>> phases.mark("loaded", 0.2).peak.pss_bytes, phases.mark("at once", 0.2).peak
    (4096, None)
    """

    def __init__(self, since_s: float = 0.0) -> None:
        self.marks: tuple[Mark, ...] = ()
        self._whole = RunningPeak(since_s)
        self._since_reset = RunningPeak(since_s)
        self._since_mark = RunningPeak(since_s)

    @property
    def peak(self) -> Peak | None:
        """The peak since the last reset, or since the start."""
        return self._since_reset.peak

    @property
    def whole_peak(self) -> Peak | None:
        """The peak since the start."""
        return self._whole.peak

    def observe(self, snapshot: Snapshot) -> None:
        for running in (self._whole, self._since_reset, self._since_mark):
            running.observe(snapshot)

    def reset(self, elapsed_s: float) -> None:
        """Begin ``peak`` anew."""
        self._since_reset = RunningPeak(elapsed_s)

    def mark(self, name: str, elapsed_s: float) -> Mark:
        """Name an instant and begin a new phase of the marks."""
        mark = Mark(name, elapsed_s, self._since_mark.peak)
        self._since_mark = RunningPeak(elapsed_s)
        self.marks += (mark,)
        return mark


class RunningStats:
    """Counts samples, gaps and durations in constant memory."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._samples = 0
        self._incomplete = 0
        self._missed = 0
        self._last_elapsed_s: float | None = None
        self._longest_gap_s: float | None = None
        self._durations: Counter[int] = Counter()
        self._max_s: float | None = None

    def observe(self, snapshot: Snapshot) -> None:
        self._samples += 1
        self._incomplete += not snapshot.complete
        self._missed = snapshot.missed_ticks
        if self._last_elapsed_s is not None:
            gap = snapshot.elapsed_s - self._last_elapsed_s
            self._longest_gap_s = max(gap, self._longest_gap_s or 0.0)
        self._last_elapsed_s = snapshot.elapsed_s
        self._max_s = max(snapshot.sweep_s, self._max_s or 0.0)
        self._durations[round(math.log(max(snapshot.sweep_s, 1e-9)) / _BUCKET)] += 1

    def stats(self) -> SamplingStats:
        """Return what is known so far."""
        return SamplingStats(
            interval_s=self._interval_s,
            samples=self._samples,
            missed_ticks=self._missed,
            incomplete_samples=self._incomplete,
            longest_gap_s=self._longest_gap_s,
            sweep_median_s=self._median_s(),
            sweep_max_s=self._max_s,
        )

    def _median_s(self) -> float | None:
        below = 0
        for bucket in sorted(self._durations):
            below += self._durations[bucket]
            if 2 * below >= self._samples:
                return math.exp(bucket * _BUCKET)
        return None
