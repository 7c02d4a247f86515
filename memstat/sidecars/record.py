"""What a sidecar's log comes to. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from memstat.model import Mark, SamplingStats, Snapshot
from memstat.sampling.peak import Phases, RunningStats


class Record:
    """Keeps the last snapshots, the peaks of the phases and how far the log has come."""

    def __init__(self, interval_s: float, keep_snapshots: int | None) -> None:
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
        self._names: deque[str] = deque()

    @property
    def stats(self) -> SamplingStats:
        return self._stats.stats()

    def expect_mark(self, name: str) -> None:
        """Remember the name of a mark that is asked for."""
        self._names.append(name)

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
            case {"kind": "mark", "elapsed_s": float(elapsed_s)}:
                self.phases.mark(self._names.popleft(), elapsed_s)
            case {"kind": "reset", "elapsed_s": float(elapsed_s)}:
                self.phases.reset(elapsed_s)
            case {"kind": "done"}:
                self.done += 1
            case {"kind": "end"}:
                self.has_ended = True
            case {"kind": "failed", "message": str(reason)}:
                self.failure = reason

    def last_mark(self) -> Mark:
        """Return the newest mark."""
        return self.phases.marks[-1]
