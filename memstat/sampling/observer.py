"""What gets every snapshot and mark, whatever else reads them and however slowly."""

from __future__ import annotations

from typing import Protocol

from memstat.model import Snapshot
from memstat.results import Mark


class Observer(Protocol):
    """Is called on the event loop, between two ticks: it must return at once, and not fail."""

    def take_snapshot(self, snapshot: Snapshot) -> None:
        """Take in the next snapshot."""

    def take_mark(self, mark: Mark) -> None:
        """Take in a mark, which was set after the last snapshot."""
