"""What is made of each process, made anew only where the process has changed. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from memstat.deferred import undated
from memstat.model import ProcessSample, Snapshot

T = TypeVar("T")


class Unchanged(Generic[T]):
    """Makes something of each process of one snapshot of a recording after the other.

    It is made without ``walk_age_s``, which changes with every snapshot.

    >>> from memstat.testing import snapshot_of
    >>> names = Unchanged(lambda process: process.name)
    >>> names.of(snapshot_of({7: 2048, 8: 4096}))
    ['p7', 'p8']
    """

    def __init__(self, make: Callable[[ProcessSample], T]) -> None:
        self._make = make
        self._made: dict[int, tuple[ProcessSample, T]] = {}

    def of(self, snapshot: Snapshot) -> list[T]:
        """Return what is made of the processes, in their order."""
        known, make = self._made, self._make
        # What is kept has its id for itself.
        self._made = made = {
            id(process): known.get(id(process)) or (process, make(process))
            for process in undated(snapshot)
        }
        return [one for _, one in made.values()]
