"""Which processes are not as they were in the snapshot before: most of them are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memstat.deferred import undated
from memstat.model import ProcessKey, ProcessSample, Snapshot


class Step(NamedTuple):
    """What has happened from one snapshot to the next."""

    changed: Sequence[ProcessSample]
    """Processes that have come or changed, without their ``walk_age_s``."""
    ended: Sequence[ProcessKey]
    """Those that are not there any more."""


class Follower:
    """Takes one snapshot of a recording after the other.

    >>> from memstat.testing import snapshot_of
    >>> follower = Follower()
    >>> [process.name for process in follower.step(snapshot_of({7: 4096, 8: 512})).changed]
    ['p7', 'p8']
    >>> follower.step(snapshot_of({7: 4096})).ended
    [ProcessKey(pid=8, start_ticks=8)]
    """

    def __init__(self) -> None:
        self._before: dict[int, ProcessSample] = {}

    @property
    def processes(self) -> Sequence[ProcessSample]:
        """All processes of the last snapshot, without their ``walk_age_s``."""
        return [*self._before.values()]

    def step(self, snapshot: Snapshot) -> Step:
        """Return how a snapshot differs from the one before."""
        before = self._before
        # What is kept has its id for itself.
        self._before = now = {id(process): process for process in undated(snapshot)}
        changed = [process for one, process in now.items() if one not in before]
        keys = {process.key for process in changed}
        left = [process.key for one, process in before.items() if one not in now]
        return Step(changed, [key for key in left if key not in keys])
