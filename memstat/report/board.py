"""What a live display shows, kept up to date from snapshots. Pure: no terminal, no /proc."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.report.estimates import measured_total
from memstat.report.notes import beside_pss
from memstat.report.trend import Trend
from memstat.results import Peak, SamplingStats
from memstat.sampling.tally import RunningPeak, Tally

_UNREAD: Final = frozenset({ReadStatus.DENIED, ReadStatus.UNREADABLE})
_STAYS_S: Final = 2.0
"""How long a process that has ended stays in view."""
_TREND_TICKS: Final = 10
_TOTAL_POINTS: Final = 96


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process on display."""

    sample: ProcessSample
    peak_bytes: int | None
    """Its largest PSS in any snapshot; ``None`` when it was never known."""
    trend: tuple[int, ...] = ()
    """Its PSS at the last ticks."""
    ended: bool = False
    """Whether it was missing from the last snapshot."""

    @property
    def has_ended(self) -> bool:
        return self.ended or self.sample.status is ReadStatus.GONE

    @property
    def memory(self) -> Memory:
        """What it uses now; unknown when it has ended."""
        return Memory() if self.has_ended else self.sample.memory

    @property
    def pss_bytes(self) -> int:
        return self.memory.pss_bytes or 0


@dataclass(frozen=True, slots=True)
class View:
    """All that is on display at one instant."""

    rows: tuple[ProcessRow, ...]
    """Depth first; those that have ended stay in their places."""
    total: Memory
    """What was measured; the bounds of its PSS are without what may not be read."""
    peak: Peak | None
    trend: tuple[int, ...]
    """The total over the whole run."""
    elapsed_s: float
    stats: SamplingStats
    unreadable: int
    """Processes that may not or could not be read."""
    beside_pss: str | None = None
    """What the total leaves out: swap and huge pages."""
    walk_age_s: float | None = None
    """How long before this processes were last walked, the oldest walk; ``None`` without any."""
    is_peak: bool = False
    """Whether this is how it was at the peak, not how it is now."""


@dataclass(slots=True)
class _Track:
    sample: ProcessSample
    trend: deque[int]
    ended_s: float | None = None


class Board:
    """Follows each process from snapshot to snapshot, and may skip some: the tally has the peaks.

    It keeps what only a display needs: the trends, and processes that have just ended.
    """

    def __init__(self) -> None:
        self._tracks: dict[ProcessKey, _Track] = {}
        self._total_trend = Trend(_TOTAL_POINTS)
        self._snapshot: Snapshot | None = None
        self._largest = RunningPeak()
        self._trends_at_largest: dict[ProcessKey, tuple[int, ...]] = {}

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
        self._remember_largest(snapshot)

    def view(self, tally: Tally) -> View | None:
        """Return what to show now; ``None`` before the first snapshot."""
        if self._snapshot is None:
            return None
        peaks = tally.process_peaks
        rows = tuple(
            ProcessRow(
                track.sample, peaks.get(key), tuple(track.trend), ended=track.ended_s is not None
            )
            for key, track in self._tracks.items()
        )
        return self._view_of(self._snapshot, rows, tally.peak, tally.stats)

    def view_at_peak(self, tally: Tally) -> View | None:
        """Return what was to be shown at the peak since the start; ``None`` without one."""
        peak = tally.whole_peak
        if peak is None:
            return None
        peaks = tally.process_peaks_at_peak
        # The board may have skipped the peak: then the trends are those of its own largest.
        trends = self._trends_at_largest
        rows = tuple(
            ProcessRow(sample, peaks.get(sample.key), trends.get(sample.key, ()))
            for sample in peak.snapshot.processes
        )
        return replace(self._view_of(peak.snapshot, rows, peak, tally.stats), is_peak=True)

    def _remember_largest(self, snapshot: Snapshot) -> None:
        """Keep the trends as they are now: at the end most of these processes are gone."""
        if self._largest.observe(snapshot):
            self._trends_at_largest = {
                key: tuple(track.trend) for key, track in self._tracks.items()
            }

    def _view_of(
        self,
        snapshot: Snapshot,
        rows: tuple[ProcessRow, ...],
        peak: Peak | None,
        stats: SamplingStats,
    ) -> View:
        return View(
            rows=rows,
            total=measured_total(snapshot),
            peak=peak,
            trend=self._total_trend.values,
            elapsed_s=snapshot.elapsed_s,
            stats=stats,
            beside_pss=beside_pss(snapshot),
            walk_age_s=_walk_age_s(snapshot),
            unreadable=sum(p.status in _UNREAD for p in snapshot.processes),
        )

    def _merge(self, snapshot: Snapshot, present: set[ProcessKey]) -> Mapping[ProcessKey, _Track]:
        """Return tracks in the order of the snapshot; each ended one stays behind its neighbour."""
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
        track = self._tracks.get(sample.key) or _Track(sample, deque(maxlen=_TREND_TICKS))
        track.sample = sample
        if sample.memory.pss_bytes is not None:
            track.trend.append(sample.memory.pss_bytes)
        return track


def _walk_age_s(snapshot: Snapshot) -> float | None:
    ages_s = [p.walk_age_s for p in snapshot.processes if p.walk_age_s is not None]
    return max(ages_s, default=None)
