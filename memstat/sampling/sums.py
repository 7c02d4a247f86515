"""The sums over the processes of a snapshot. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from memstat.model import MEMORY_FIELDS, Memory, ProcessSample, ReadStatus, sum_known

UNREAD: Final = frozenset({ReadStatus.DENIED, ReadStatus.UNREADABLE, ReadStatus.GONE})
"""A process of which nothing is known leaves a sum incomplete."""
_FIELDS_OF = attrgetter(*MEMORY_FIELDS)


class RunningSum:
    """The sums over the processes of one snapshot after the other.

    Most often nothing has changed since the last, which is found several times as fast as it is
    added up.
    """

    def __init__(self) -> None:
        self._samples: Sequence[ProcessSample] = ()
        self._statuses: list[ReadStatus] = []
        self._memories: list[Memory] = []
        self._total = add_up(())
        self.is_complete = True
        """What ``is_complete`` says of the last ones."""

    def of(self, samples: Sequence[ProcessSample]) -> Memory:
        """Return what ``add_up`` does. What is the same object is to be the same as before."""
        if samples is self._samples:
            return self._total
        self._samples = samples
        statuses = [sample.status for sample in samples]
        memories = [sample.memory for sample in samples]
        if memories != self._memories or statuses != self._statuses:
            self._statuses, self._memories = statuses, memories
            self._total = add_up(samples)
            self.is_complete = is_complete(samples)
        return self._total


def add_up(samples: Sequence[ProcessSample]) -> Memory:
    """Return the sums over the processes that are measured; ``None`` where one is not known.

    The RSS of a denied process is left out, as its PSS is: all fields cover the same processes. But
    it counts for ``pss_high_bytes``: so much it may use.

    >>> add_up([]).pss_bytes is None
    True
    """
    measured = [s.memory for s in samples if s.status is ReadStatus.MEASURED]
    denied = [s.memory.pss_high_bytes or 0 for s in samples if s.status is ReadStatus.DENIED]
    if not measured:
        return Memory(pss_low_bytes=0, pss_high_bytes=sum(denied)) if any(denied) else Memory()
    sums = [sum_known(column) for column in zip(*map(_FIELDS_OF, measured), strict=True)]
    total = Memory(*sums)
    if any(denied) and total.pss_high_bytes is not None:
        total = replace(total, pss_high_bytes=total.pss_high_bytes + sum(denied))
    return total


def is_complete(samples: Sequence[ProcessSample]) -> bool:
    """Whether a sum over these lacks nothing that a process has.

    >>> is_complete([])
    True
    """
    # Each is looked up once: to compute the hash of a member of an enumeration takes long.
    return UNREAD.isdisjoint({sample.status for sample in samples})
