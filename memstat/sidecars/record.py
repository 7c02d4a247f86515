"""What a sidecar's log comes to. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from memstat.model import Mark, SamplingStats, Snapshot
from memstat.sampling.tally import Phases, RunningStats


class Record:
    """Keeps the last snapshots, the peaks of the phases and how far the log has come."""

    def __init__(self, interval_s: float, keep_snapshots: int | None) -> None:
        self._interval_s = interval_s
        self.phases = Phases()
        self.snapshots: deque[Snapshot] = deque(maxlen=keep_snapshots)
        self.latest: Snapshot | None = None
        self.started_s = 0.0
        self.done = 0
        """Requests that are done."""
        self.has_ended = False
        """Whether the log ended as it should."""
        self.failure: str | None = None
        self._stats = RunningStats(interval_s)
        self._at_boundaries: deque[Callable[[float], object]] = deque()

    @property
    def stats(self) -> SamplingStats:
        return self._stats.stats()

    def at_boundary(self, act: Callable[[float], object]) -> None:
        """Call this, with the time, at the next boundary of the log that has no such call yet."""
        self._at_boundaries.append(act)

    def mark(self, name: str, elapsed_s: float) -> Mark:
        return self.phases.mark(name, elapsed_s)

    def reset_peak(self, elapsed_s: float) -> None:
        self.phases.reset(elapsed_s)

    def restart(self, elapsed_s: float) -> None:
        """Begin peak, marks, snapshots and stats anew."""
        self.phases = Phases(elapsed_s)
        self.snapshots.clear()
        self._stats = RunningStats(self._interval_s)

    def take_snapshot(self, snapshot: Snapshot) -> None:
        """Take in one snapshot."""
        self.latest = snapshot
        self.snapshots.append(snapshot)
        self.phases.observe(snapshot)
        self._stats.observe(snapshot)

    def take(self, message: Mapping[str, object]) -> None:
        """Take in any other message of the log."""
        match message:
            case {"kind": "started", "monotonic_s": float(started_s)}:
                self.started_s = started_s
            case {"kind": "boundary", "elapsed_s": float(elapsed_s)}:
                self._at_boundaries.popleft()(elapsed_s)
            case {"kind": "done"}:
                self.done += 1
            case {"kind": "end"}:
                self.has_ended = True
            case {"kind": "failed", "message": str(reason)}:
                self.failure = reason
