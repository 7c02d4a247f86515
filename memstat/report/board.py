"""What a live display shows, kept up to date from snapshots. Pure: no terminal, no /proc."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from memstat.model import (
    Memory,
    Peak,
    ProcessKey,
    ProcessSample,
    ReadStatus,
    SamplingStats,
    Snapshot,
)
from memstat.report.trend import Trend

_STAYS_S: Final = 2.0
"""How long a process that has ended stays in view."""
_TREND_TICKS: Final = 10
_TOTAL_POINTS: Final = 96


@dataclass(frozen=True, slots=True)
class Row:
    """One process on display."""

    sample: ProcessSample
    peak_bytes: int | None
    """The most PSS that it was seen with."""
    trend: tuple[int, ...] = ()
    """Its PSS at the last ticks."""
    ended: bool = False

    @property
    def pss_bytes(self) -> int:
        return self.sample.memory.pss_bytes or 0


@dataclass(frozen=True, slots=True)
class View:
    """All that is on display at one instant."""

    rows: tuple[Row, ...]
    """Depth first; those that have ended where they stood."""
    total: Memory
    peak: Peak | None
    trend: tuple[int, ...]
    """The total over the whole run."""
    elapsed_s: float
    stats: SamplingStats
    unreadable: int
    """Processes that may not be read."""
    is_peak: bool = False
    """Whether this is how it was at the peak, not how it is now."""


@dataclass(slots=True)
class _Track:
    sample: ProcessSample
    peak_bytes: int | None
    trend: deque[int]
    ended_s: float | None = None


class Board:
    """Follows every process through the snapshots."""

    def __init__(self) -> None:
        self._tracks: dict[ProcessKey, _Track] = {}
        self._total_trend = Trend(_TOTAL_POINTS)
        self._snapshot: Snapshot | None = None

    def take(self, snapshot: Snapshot) -> None:
        """Take in the next snapshot."""
        self._snapshot = snapshot
        self._total_trend.add(snapshot.total.pss_bytes or 0)
        present = {process.key for process in snapshot.processes}
        tracks = {}
        for key, track in self._merge(snapshot, present).items():
            if key not in present and track.ended_s is None:
                track.ended_s = snapshot.elapsed_s
            if track.ended_s is None or snapshot.elapsed_s - track.ended_s <= _STAYS_S:
                tracks[key] = track
        self._tracks = tracks

    def view(self, peak: Peak | None, stats: SamplingStats) -> View | None:
        """Return what to show now; ``None`` before the first snapshot."""
        if self._snapshot is None:
            return None
        rows = tuple(
            Row(t.sample, t.peak_bytes, tuple(t.trend), t.ended_s is not None)
            for t in self._tracks.values()
        )
        return self._view_of(self._snapshot, rows, peak, stats)

    def view_at_peak(self, peak: Peak, stats: SamplingStats) -> View:
        """Return what there was to show at the peak."""
        rows = tuple(
            Row(sample, sample.memory.pss_bytes, self._trend_of(sample.key))
            for sample in peak.snapshot.processes
        )
        return replace(self._view_of(peak.snapshot, rows, peak, stats), is_peak=True)

    def _trend_of(self, key: ProcessKey) -> tuple[int, ...]:
        return tuple(self._tracks[key].trend) if key in self._tracks else ()

    def _view_of(
        self, snapshot: Snapshot, rows: tuple[Row, ...], peak: Peak | None, stats: SamplingStats
    ) -> View:
        return View(
            rows=rows,
            total=snapshot.total,
            peak=peak,
            trend=self._total_trend.values,
            elapsed_s=snapshot.elapsed_s,
            stats=stats,
            unreadable=sum(p.status is ReadStatus.DENIED for p in snapshot.processes),
        )

    def _merge(self, snapshot: Snapshot, present: set[ProcessKey]) -> Mapping[ProcessKey, _Track]:
        """The processes in the order of the snapshot, ended ones after whom they stood behind."""
        behind: dict[ProcessKey | None, list[ProcessKey]] = {}
        before: ProcessKey | None = None
        for key in self._tracks:
            if key in present:
                before = key
            else:
                behind.setdefault(before, []).append(key)
        merged = {key: self._tracks[key] for key in behind.get(None, ())}
        for sample in snapshot.processes:
            merged[sample.key] = self._follow(sample)
            merged |= {key: self._tracks[key] for key in behind.get(sample.key, ())}
        return merged

    def _follow(self, sample: ProcessSample) -> _Track:
        pss = sample.memory.pss_bytes
        track = self._tracks.get(sample.key)
        if track is None:
            track = _Track(sample, pss, deque(maxlen=_TREND_TICKS))
        track.sample = sample
        if pss is not None:
            track.peak_bytes = max(pss, track.peak_bytes or 0)
            track.trend.append(pss)
        return track
