"""Snapshots of which the processes are made when they are looked at. Pure.

Most processes are in a snapshot as they were in the one before, but for how long ago they were
walked, and most readers look at most snapshots only for their total. To make the samples of a few
hundred processes takes as long as to find that nothing has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

from memstat.model import ProcessSample, Snapshot

_STORED: Final[Any] = vars(Snapshot)["processes"]
_FIELDS: Final = tuple(Snapshot.__dataclass_fields__)


class Deferred(Protocol):
    """The processes of a snapshot, before they are made."""

    @property
    def undated(self) -> Sequence[ProcessSample]:
        """All of them but ``walk_age_s``, which may be that of another snapshot."""
        ...

    def dated(self) -> tuple[ProcessSample, ...]:
        """Make them."""
        ...


class DeferredSnapshot(Snapshot):
    """A snapshot like any other: equal to one with the same fields, and immutable.

    It is made with ``Deferred`` for its ``processes``.
    """

    __slots__ = ()
    __hash__ = Snapshot.__hash__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Snapshot):
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in _FIELDS)

    def __repr__(self) -> str:
        return repr(Snapshot(**{field: getattr(self, field) for field in _FIELDS}))

    def _get(self) -> tuple[ProcessSample, ...]:
        stored = _STORED.__get__(self)
        if not isinstance(stored, tuple):
            stored = stored.dated()
            _STORED.__set__(self, stored)
        return cast("tuple[ProcessSample, ...]", stored)

    def _set(self, processes: Deferred | tuple[ProcessSample, ...]) -> None:
        _STORED.__set__(self, processes)

    processes = property(_get, _set)


def undated(snapshot: Snapshot) -> Sequence[ProcessSample]:
    """Return the processes for all but ``walk_age_s``, without making them.

    Where a measurement shows nothing new, it is the same object as before.

    >>> from memstat.testing import snapshot_of
    >>> [process.memory.pss_bytes for process in undated(snapshot_of({7: 4096}))]
    [4096]
    """
    rows = deferred_of(snapshot)
    return snapshot.processes if rows is None else rows.undated


def deferred_of(snapshot: Snapshot) -> Deferred | None:
    """Return what the processes will be made of; ``None`` once they are made."""
    stored = _STORED.__get__(snapshot)
    return None if isinstance(stored, tuple) else cast("Deferred", stored)


def with_walk_age(sample: ProcessSample, walk_age_s: float) -> ProcessSample:
    """Return the sample of another time; several times as fast as ``dataclasses.replace``."""
    return ProcessSample(
        sample.key,
        sample.name,
        sample.ppid,
        sample.depth,
        sample.status,
        sample.memory,
        sample.rss_peak_bytes,
        sample.command_line,
        sample.reason,
        walk_age_s,
        sample.walked_pss_bytes,
    )
