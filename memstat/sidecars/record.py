"""What the log of a sidecar adds up to. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from memstat.model import Snapshot
from memstat.sampling.tally import Tally

KEPT_SNAPSHOTS: Final = 1000
"""How many of the last are kept by default."""


class Record:
    """Keeps the tally of all snapshots, the last of them, and how far the log has come."""

    def __init__(self, interval_s: float, keep_snapshots: int | None) -> None:
        self.tally = Tally(interval_s)
        self.snapshots: deque[Snapshot] = deque(maxlen=keep_snapshots)
        self.started_s = 0.0
        """The instant of CLOCK_MONOTONIC from which ``elapsed_s`` counts."""
        self.done = 0
        """How many requests are done."""
        self.has_ended = False
        """Whether the log ended as it should."""
        self.failure: str | None = None
        """Why the sidecar could not go on."""
        self.observe: Callable[[Snapshot], object] | None = None
        """Called with every snapshot, if set."""
        self._at_boundaries: deque[Callable[[float], object]] = deque()
        self._is_fresh = False

    def at_boundary(self, act: Callable[[float], object]) -> None:
        """Have ``act`` called, with the time, at the next boundary that has no call yet."""
        self._at_boundaries.append(act)

    def restart(self, elapsed_s: float) -> None:
        """Begin the tally and the snapshots anew."""
        if self._is_fresh and not self.tally.marks:
            # The pytest plugin does this for each test, and most are shorter than a tick.
            self.tally.move_start(elapsed_s)
            return
        self.tally.restart(elapsed_s)
        self.snapshots.clear()
        self._is_fresh = True

    def keep(self, count: int | None) -> None:
        """Keep so many of the last snapshots from now on; ``None`` keeps all."""
        self.snapshots = deque(self.snapshots, maxlen=count)

    def take_snapshot(self, snapshot: Snapshot) -> None:
        """Take in a snapshot of the log."""
        self._is_fresh = False
        self.snapshots.append(snapshot)
        if self.observe is not None:
            self.observe(snapshot)
        self.tally.observe(snapshot)

    def take(self, message: Mapping[str, object]) -> None:
        """Take in any other message of the log."""
        self._is_fresh = False
        match message:
            case {"kind": "started", "monotonic_s": float(started_s)}:
                self.started_s = started_s
            case {"kind": "boundary", "elapsed_s": float(elapsed_s)}:
                self._at_boundaries.popleft()(elapsed_s)
            case {
                "kind": "interval",
                "elapsed_s": float(elapsed_s),
                "interval_s": float(interval_s),
            }:
                self.tally.change_interval(elapsed_s, interval_s)
            case {"kind": "done"}:
                self.done += 1
            case {"kind": "end"}:
                self.has_ended = True
            case {"kind": "failed", "message": str(reason)}:
                self.failure = reason
