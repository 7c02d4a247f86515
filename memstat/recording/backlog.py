"""What waits to be recorded: bounded, so that a slow disk costs neither time nor memory. Pure."""

from __future__ import annotations

from typing import Final, TypeAlias

from memstat.deferred import undated
from memstat.mappings import Mappings
from memstat.model import Snapshot
from memstat.recording.header import Gap
from memstat.results import Mark

Item: TypeAlias = Snapshot | Mark | Mappings | Gap

MOST_SAMPLES: Final = 50_000
"""Samples of processes: some 20 MB, and 16 seconds of 300 processes."""


class Backlog:
    """Keeps snapshots and marks until they are taken; what does not fit becomes a gap.

    >>> from memstat.testing import snapshot_of
    >>> backlog = Backlog(most_samples=1)
    >>> for second in range(3):
    ...     backlog.add(snapshot_of({7: 4096}, elapsed_s=second))
    >>> [type(item).__name__ for item in backlog.take()], backlog.dropped
    (['Snapshot', 'Gap'], 2)
    """

    def __init__(self, most_samples: int = MOST_SAMPLES) -> None:
        self.dropped = 0
        """Snapshots that did not fit, so far."""
        self._most_samples = most_samples
        self._items: list[Item] = []
        self._samples = 0
        self._gap_at: int | None = None

    @property
    def is_empty(self) -> bool:
        return not self._items

    def add(self, item: Snapshot | Mark | Mappings) -> None:
        """Add the next one. Only a snapshot is dropped where there is no room: others are few."""
        if not isinstance(item, Snapshot):
            self._items.append(item)
        elif self._gap_at is not None:
            # What follows a gap begins with a whole snapshot: better one gap than many.
            gap = self._items[self._gap_at]
            assert isinstance(gap, Gap)
            self._items[self._gap_at] = Gap(gap.elapsed_s, gap.dropped + 1)
            self.dropped += 1
        elif self._items and self._samples + len(undated(item)) > self._most_samples:
            self._gap_at = len(self._items)
            self._items.append(Gap(item.elapsed_s, 1))
            self.dropped += 1
        else:
            self._items.append(item)
            self._samples += len(undated(item))

    def take(self) -> list[Item]:
        """Return all there is, in its order, and keep nothing."""
        items, self._items = self._items, []
        self._samples, self._gap_at = 0, None
        return items
