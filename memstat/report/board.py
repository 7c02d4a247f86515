"""What a live display shows, kept up to date from snapshots. Pure: no terminal, no /proc."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.report.estimates import measured_total
from memstat.report.notes import beside_pss
from memstat.report.trend import Trend
from memstat.results import Peak, SamplingStats
from memstat.sampling.tally import RunningPeak, Tally

_STAYS_S: Final = 2.0
"""How long a process that has ended stays in view."""
_POINT_S: Final = 0.5
"""What a bar of a process stands for: shorter ones would run through the table."""
TREND_POINTS: Final = 40
_TOTAL_POINTS: Final = 96
_SECOND_S: Final = 0.95
"""A second, give or take how late a sample is."""
_RANK_PART: Final = 8


class ProcessRow(NamedTuple):
    """One process on display."""

    sample: ProcessSample
    peak_bytes: int | None = None
    """Its largest PSS in any snapshot; ``None`` when it was never known."""
    peak_bounds: tuple[int, int] | None = None
    """What its peak lies between; ``None`` where that is exact, or not known."""
    past_bytes: tuple[int, ...] = ()
    """Its largest PSS in each of the last half seconds that are over."""
    newest_bytes: int | None = None
    """Its largest PSS in the half second that is not; ``None`` when it was never known."""
    growth_bytes: int | None = None
    """How much it grew in the last full second; ``None`` before there is one."""
    rank_bytes: int = 0
    """By what rows are sorted: its PSS at the last full second, unless it is quite another now.

    Else processes of nearly one size would change places with each frame.
    """

    @property
    def pss_bytes(self) -> int:
        return self.sample.memory.pss_bytes or 0

    @property
    def trend(self) -> tuple[int, ...]:
        """Its largest PSS in each of the last half seconds. Put together for what is shown only."""
        return _trend_of(self.past_bytes, self.newest_bytes)


def _trend_of(past_bytes: tuple[int, ...], newest_bytes: int | None) -> tuple[int, ...]:
    return past_bytes if newest_bytes is None else (*past_bytes, newest_bytes)


@dataclass(frozen=True, slots=True)
class View:
    """All that is on display at one instant."""

    rows: tuple[ProcessRow, ...]
    """The processes that are alive, depth first."""
    total: Memory
    """What was measured; the bounds of its PSS are without what may not be read."""
    peak: Peak | None
    trend: tuple[int, ...]
    """The total over the whole run."""
    elapsed_s: float
    stats: SamplingStats
    unreadable: int
    """Processes that may not or could not be read."""
    ended: tuple[ProcessRow, ...] = ()
    """Those that have ended just now, with what they were last, the newest last."""
    beside_pss: str | None = None
    """What the total leaves out: swap and huge pages."""
    walk_age_s: float | None = None
    """How long before this processes were last walked, the oldest walk; ``None`` without any."""
    is_peak: bool = False
    """Whether this is how it was at the peak, not how it is now."""
    is_torn: bool = False
    """Whether the total may be wrong, because processes came and went meanwhile."""


@dataclass(slots=True)
class _Track:
    sample: ProcessSample
    past_bytes: tuple[int, ...] = ()
    newest_bytes: int | None = None
    rank_bytes: int = 0
    second_bytes: int | None = None
    """Its PSS at the last full second."""
    growth_bytes: int | None = None


class _Ended(NamedTuple):
    sample: ProcessSample
    ended_s: float


class Board:
    """Follows each process from snapshot to snapshot, and may skip some: the tally has the peaks.

    It keeps what only a display needs: trends, growth, and processes that have just ended.
    """

    def __init__(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self._tracks: dict[ProcessKey, _Track] = {}
        self._ended: dict[ProcessKey, _Ended] = {}
        self._total_trend = Trend(_TOTAL_POINTS)
        self._snapshot: Snapshot | None = None
        self._point = -1
        self._second_s = 0.0
        self._largest = RunningPeak()
        self._is_at_largest = False
        self._trends_at_largest: Mapping[ProcessKey, tuple[int, ...]] = {}

    def take(self, snapshot: Snapshot) -> None:
        """Take in the next snapshot; with one from before it, everything begins anew."""
        if self._snapshot is not None and snapshot.elapsed_s < self._snapshot.elapsed_s:
            self._restart()
        self._remember_largest(snapshot)
        self._total_trend.add(snapshot.total.pss_bytes or 0)
        living = [p for p in snapshot.processes if p.status is not ReadStatus.GONE]
        self._let_end(snapshot, living)
        self._follow(living, is_new_point=self._begins_point(snapshot.elapsed_s))
        self._count_growth(snapshot.elapsed_s)
        self._snapshot = snapshot

    def reset_peak(self) -> None:
        """Forget what belongs to the peak so far, as the tally does."""
        self._largest = RunningPeak()
        self._is_at_largest = False
        self._trends_at_largest = {}

    def view(self, tally: Tally) -> View | None:
        """Return what to show now; ``None`` before the first snapshot."""
        if self._snapshot is None:
            return None
        peaks, bounds = tally.process_peaks, tally.process_peak_bounds
        rows = tuple(
            [
                ProcessRow(
                    track.sample,
                    peaks.get(key),
                    bounds.get(key),
                    track.past_bytes,
                    track.newest_bytes,
                    track.growth_bytes,
                    track.rank_bytes,
                )
                for key, track in self._tracks.items()
            ]
        )
        ended = tuple(
            ProcessRow(one.sample, peaks.get(key), bounds.get(key))
            for key, one in self._ended.items()
        )
        view = _view_of(self._snapshot, rows, tally.peak, tally.stats, self._total_trend.values)
        return replace(view, ended=ended)

    def view_at_peak(self, tally: Tally) -> View | None:
        """Return what was to be shown at the peak since the last reset; ``None`` without one."""
        peak = tally.peak
        if peak is None:
            return None
        peaks, bounds = tally.process_peaks_at_peak, tally.process_peak_bounds_at_peak
        # The board may have skipped the peak: then the trends are those of its own largest.
        trends = self._trends if self._is_at_largest else self._trends_at_largest
        rows = tuple(
            ProcessRow(
                sample,
                peaks.get(sample.key),
                bounds.get(sample.key),
                trends.get(sample.key, ()),
                rank_bytes=sample.memory.pss_bytes or 0,
            )
            for sample in peak.snapshot.processes
            if sample.status is not ReadStatus.GONE
        )
        view = _view_of(peak.snapshot, rows, peak, tally.stats, self._total_trend.values)
        return replace(view, is_peak=True)

    @property
    def _trends(self) -> Mapping[ProcessKey, tuple[int, ...]]:
        return {
            key: _trend_of(track.past_bytes, track.newest_bytes)
            for key, track in self._tracks.items()
        }

    def _remember_largest(self, snapshot: Snapshot) -> None:
        """Keep the trends of the largest snapshot: at the end most of its processes are gone.

        They are copied when the next one is less, and not at every step of a long rise.
        """
        is_larger = self._largest.observe(snapshot)
        if self._is_at_largest and not is_larger:
            self._trends_at_largest = self._trends
        self._is_at_largest = is_larger

    def _let_end(self, snapshot: Snapshot, living: Sequence[ProcessSample]) -> None:
        """Note which processes are missing, and forget those that have been for some time."""
        keys = [process.key for process in living]
        if keys != [*self._tracks]:
            missing = self._tracks.keys() - keys
            for key in [key for key in self._tracks if key in missing]:
                self._ended[key] = _Ended(self._tracks[key].sample, snapshot.elapsed_s)
            first = self._snapshot is None
            self._tracks = {
                process.key: self._tracks.get(process.key) or _new_track(process, is_first=first)
                for process in living
            }
        if self._ended:
            self._ended = {
                key: one
                for key, one in self._ended.items()
                if snapshot.elapsed_s - one.ended_s <= _STAYS_S and key not in self._tracks
            }

    def _follow(self, living: Iterable[ProcessSample], *, is_new_point: bool) -> None:
        for track, sample in zip(self._tracks.values(), living, strict=True):
            track.sample = sample
            pss_bytes = sample.memory.pss_bytes
            if pss_bytes is None:
                continue
            if track.newest_bytes is None:
                track.newest_bytes = pss_bytes
            elif is_new_point:
                track.past_bytes = (*track.past_bytes, track.newest_bytes)[1 - TREND_POINTS :]
                track.newest_bytes = pss_bytes
            elif pss_bytes > track.newest_bytes:
                track.newest_bytes = pss_bytes
            if abs(pss_bytes - track.rank_bytes) * _RANK_PART > track.rank_bytes:
                track.rank_bytes = pss_bytes

    def _begins_point(self, elapsed_s: float) -> bool:
        before, self._point = self._point, int(elapsed_s / _POINT_S)
        return self._point != before

    def _count_growth(self, elapsed_s: float) -> None:
        """Once a second, note what each process is now, and how that differs from a second ago."""
        since_s = elapsed_s - self._second_s
        is_first = self._snapshot is None
        if since_s < _SECOND_S and not is_first:
            return
        self._second_s = elapsed_s
        for track in self._tracks.values():
            pss_bytes = track.sample.memory.pss_bytes
            if pss_bytes is None:
                continue
            if track.second_bytes is not None and not is_first:
                track.growth_bytes = round((pss_bytes - track.second_bytes) / since_s)
            track.second_bytes = track.rank_bytes = pss_bytes


def _new_track(process: ProcessSample, *, is_first: bool) -> _Track:
    # What has come since the last second has grown from nothing; what was there before has not.
    return _Track(process, second_bytes=None if is_first else 0)


def _view_of(
    snapshot: Snapshot,
    rows: tuple[ProcessRow, ...],
    peak: Peak | None,
    stats: SamplingStats,
    trend: tuple[int, ...],
) -> View:
    return View(
        rows=rows,
        total=measured_total(snapshot),
        peak=peak,
        trend=trend,
        elapsed_s=snapshot.elapsed_s,
        stats=stats,
        beside_pss=beside_pss(snapshot),
        walk_age_s=_walk_age_s(snapshot),
        unreadable=unread_among([process.status for process in snapshot.processes]),
        is_torn=snapshot.torn,
    )


def unread_among(statuses: Sequence[ReadStatus]) -> int:
    """Return how many processes may not or could not be read."""
    return statuses.count(ReadStatus.DENIED) + statuses.count(ReadStatus.UNREADABLE)


def _walk_age_s(snapshot: Snapshot) -> float | None:
    ages_s = [p.walk_age_s for p in snapshot.processes if p.walk_age_s is not None]
    return max(ages_s, default=None)
