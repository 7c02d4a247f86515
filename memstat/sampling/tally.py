"""What every observer of snapshots keeps: the latest, the peaks, the marks, the limit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from memstat.deferred import undated
from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.results import Limit, Mark, Peak, SamplingStats
from memstat.sampling.floor import RssMarks
from memstat.sampling.stats import RunningStats

__all__ = ["Tally"]

_KEPT_S: Final = 5.0
"""How long the peak of a process is kept after its end, for views that come later."""
_DEFECTS: Final = frozenset({ReadStatus.DENIED, ReadStatus.UNREADABLE})


class RunningPeak:
    """Keeps the snapshot with the largest total, the earliest of equals, and the largest bounds.

    A snapshot in which nothing could be measured has no total and is no candidate. Nor is one that
    began before ``since_s``: part of it was read in the phase before.
    """

    def __init__(self, since_s: float = 0.0) -> None:
        self._largest: Snapshot | None = None
        self._low_bytes = self._high_bytes = 0
        self._is_first = True
        self.since_s = since_s

    @property
    def peak(self) -> Peak | None:
        """The peak so far; ``None`` without any."""
        if self._largest is None:
            return None
        best_bytes = self._largest.total.pss_bytes or 0
        return Peak(best_bytes, self._largest, self._low_bytes, self._high_bytes)

    def observe(self, snapshot: Snapshot) -> bool:
        """Take in a snapshot; return whether it has the largest total."""
        total = snapshot.total
        if total.pss_bytes is None or snapshot.elapsed_s < self.since_s:
            return False
        # What was between the snapshot before and the first one belongs to the phase before.
        spikes_bytes = 0 if self._is_first else snapshot.spikes_bytes
        self._is_first = False
        self._low_bytes = max(self._low_bytes, total.pss_low_bytes or 0)
        self._high_bytes = max(self._high_bytes, (total.pss_high_bytes or 0) + spikes_bytes)
        if self._largest is not None and rank(snapshot) <= rank(self._largest):
            return False
        self._largest = snapshot
        return True


def rank(snapshot: Snapshot) -> int:
    """Return the total for comparison; 0 where nothing was measured.

    >>> from memstat.testing import snapshot_of
    >>> rank(snapshot_of({7: 4096}))
    4096
    """
    return snapshot.total.pss_bytes or 0


class ProcessPeaks:
    """Keeps the largest PSS of each process while it lives and some seconds longer."""

    def __init__(self) -> None:
        self.peaks: dict[ProcessKey, int] = {}
        self.bounds: dict[ProcessKey, tuple[int, int]] = {}
        """Between what it was, where that is not known to the byte."""
        self._seen: Sequence[ProcessSample] = ()
        self._keys: list[ProcessKey] = []
        self._memories: list[Memory] = []
        self._ended_s: dict[ProcessKey, float] = {}

    def observe(self, snapshot: Snapshot) -> None:
        processes = undated(snapshot)
        if processes is not self._seen:
            self._take(processes, snapshot.elapsed_s)
            self._seen = processes
        if self._ended_s:
            self._forget_before(snapshot.elapsed_s - _KEPT_S)

    def _take(self, processes: Sequence[ProcessSample], elapsed_s: float) -> None:
        keys = [process.key for process in processes]
        memories = [process.memory for process in processes]
        if keys != self._keys:
            ended = {*self._keys} - {*keys}
            self._ended_s |= dict.fromkeys(ended, elapsed_s)
            different = [*zip(keys, memories, strict=True)]
        else:
            # Most are as they were, and the same objects: to look them up would take much longer.
            trios = zip(keys, memories, self._memories, strict=True)
            different = [(key, memory) for key, memory, before in trios if memory is not before]
        self._keys, self._memories = keys, memories
        for key, memory in different:
            if memory.pss_bytes is None:
                continue
            if memory.is_estimated or key in self.bounds:
                self._widen(key, memory)
            if memory.pss_bytes > self.peaks.get(key, -1):
                self.peaks[key] = memory.pss_bytes

    def _widen(self, key: ProcessKey, memory: Memory) -> None:
        """Keep the largest of all bounds: the peak was between them, whenever it was."""
        exact_bytes = self.peaks.get(key, 0)
        low_bytes, high_bytes = self.bounds.pop(key, (exact_bytes, exact_bytes))
        low_bytes = max(low_bytes, memory.pss_low_bytes or 0)
        high_bytes = max(high_bytes, memory.pss_high_bytes or 0)
        if low_bytes < high_bytes:
            self.bounds[key] = low_bytes, high_bytes

    def _forget_before(self, elapsed_s: float) -> None:
        for key in [key for key, ended_s in self._ended_s.items() if ended_s < elapsed_s]:
            del self._ended_s[key]
            self.peaks.pop(key, None)
            self.bounds.pop(key, None)


class Defects:
    """Keeps the first snapshot with each kind of defect, but for processes that just ended."""

    def __init__(self) -> None:
        self.snapshots: tuple[Snapshot, ...] = ()
        self._seen: set[ReadStatus | None] = set()

    def observe(self, snapshot: Snapshot) -> None:
        if snapshot.complete:
            return
        found = {p.status for p in undated(snapshot)} & _DEFECTS
        kinds = found | ({None} if snapshot.missing_reason else set())
        if not kinds <= self._seen:
            self._seen |= kinds
            self.snapshots += (snapshot,)


class Tally:
    """What the snapshots of a measurement add up to. Every snapshot must be observed, in order.

    >>> from memstat.testing import snapshot_of
    >>> tally = Tally(0.1)
    >>> tally.observe(snapshot_of({7: 4096}, elapsed_s=0.1))
    >>> tally.mark("loaded", 0.2).peak.pss_bytes, tally.mark("at once", 0.2).peak
    (4096, None)
    """

    def __init__(self, interval_s: float, *, max_pss_bytes: int | None = None) -> None:
        self.latest: Snapshot | None = None
        """The newest snapshot; ``None`` before the first."""
        self._interval_s = interval_s
        self._max_pss_bytes = max_pss_bytes
        self.restart(0.0)

    def restart(self, at_s: float) -> None:
        """Begin everything anew but ``latest``."""
        self._whole = RunningPeak(at_s)
        self._since_reset = RunningPeak(at_s)
        self._since_mark = RunningPeak(at_s)
        self._marks: tuple[Mark, ...] = ()
        self._stats = RunningStats(self._interval_s)
        self._exceeded: Snapshot | None = None
        self._defects = Defects()
        self.rss_marks = RssMarks()
        """The largest RSS of one process, and the kernel's largest mark of it."""
        self._process_peaks = ProcessPeaks()
        self._process_peaks_at_peak: Mapping[ProcessKey, int] = {}
        self._process_peak_bounds_at_peak: Mapping[ProcessKey, tuple[int, int]] = {}

    def move_start(self, at_s: float) -> None:
        """Begin later, which is cheap: nothing may have been taken in since the start."""
        self._whole.since_s = self._since_reset.since_s = self._since_mark.since_s = at_s

    @property
    def peak(self) -> Peak | None:
        """The peak since the last reset, or since the start."""
        return self._since_reset.peak

    @property
    def whole_peak(self) -> Peak | None:
        """The peak since the start, whatever was reset."""
        return self._whole.peak

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks so far, oldest first."""
        return self._marks

    @property
    def stats(self) -> SamplingStats:
        """How the sampling goes."""
        return self._stats.stats()

    @property
    def samples(self) -> int:
        """How many snapshots there were."""
        return self._stats.samples

    @property
    def partial(self) -> tuple[Snapshot, ...]:
        """The first snapshot with each reason why a total lacks something."""
        return self._defects.snapshots

    @property
    def limit(self) -> Limit | None:
        """The limit and the first snapshot above it; ``None`` without a limit."""
        if self._max_pss_bytes is None:
            return None
        return Limit(self._max_pss_bytes, self._exceeded)

    @property
    def process_peaks(self) -> Mapping[ProcessKey, int]:
        """The largest PSS of each process in bytes, for some seconds after its end too."""
        return self._process_peaks.peaks

    @property
    def process_peaks_at_peak(self) -> Mapping[ProcessKey, int]:
        """The same as it was at ``peak``."""
        return self._process_peaks_at_peak

    @property
    def process_peak_bounds(self) -> Mapping[ProcessKey, tuple[int, int]]:
        """What these peaks lie between, of those that are not exact."""
        return self._process_peaks.bounds

    @property
    def process_peak_bounds_at_peak(self) -> Mapping[ProcessKey, tuple[int, int]]:
        """The same as it was at ``peak``."""
        return self._process_peak_bounds_at_peak

    def observe(self, snapshot: Snapshot) -> None:
        """Take in the next snapshot."""
        self.latest = snapshot
        self._stats.observe(snapshot)
        self._defects.observe(snapshot)
        self.rss_marks.observe(snapshot)
        self._process_peaks.observe(snapshot)
        self._since_mark.observe(snapshot)
        self._whole.observe(snapshot)
        if self._since_reset.observe(snapshot):
            self._process_peaks_at_peak = dict(self.process_peaks)
            self._process_peak_bounds_at_peak = dict(self.process_peak_bounds)
        self._check_limit(snapshot)

    def end(self, at_s: float) -> None:
        """Note when what is measured had ended, so that the gap before it counts."""
        self._stats.end(at_s)

    def change_interval(self, at_s: float, interval_s: float) -> None:
        """Note that ticks are this far apart from now on."""
        self._interval_s = interval_s
        self._stats.change_interval(at_s, interval_s)

    def resumed(self, at_s: float) -> None:
        """Note that this process was stopped until now."""
        self._stats.resumed(at_s)

    def mark(self, name: str, at_s: float) -> Mark:
        """Name an instant and begin a new phase of the marks."""
        mark = Mark(name, at_s, self._since_mark.peak)
        self._since_mark = RunningPeak(at_s)
        self._marks += (mark,)
        return mark

    def reset(self, at_s: float) -> None:
        """Begin ``peak`` anew; the marks and ``whole_peak`` go on."""
        self._since_reset = RunningPeak(at_s)

    def is_limit_undecided(self, snapshot: Snapshot) -> bool:
        """Whether this total seems to be above the limit, and it is not proved that it is."""
        most, total = self._max_pss_bytes, snapshot.total
        if most is None or self._exceeded is not None or total.pss_bytes is None:
            return False
        return (total.pss_low_bytes or 0) <= most < total.pss_bytes

    def _check_limit(self, snapshot: Snapshot) -> None:
        # No command is ended for a guess.
        most, low = self._max_pss_bytes, snapshot.total.pss_low_bytes
        if self._exceeded is None and most is not None and low is not None and low > most:
            self._exceeded = snapshot
