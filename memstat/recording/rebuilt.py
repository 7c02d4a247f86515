"""Snapshots of a recording, of which the processes are made when they are looked at. Pure.

To make the samples of a few hundred processes takes ten times as long as to read the line that says
what has changed of them, and most readers look at most snapshots only for their total.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from memstat.jsonlines import process_from
from memstat.model import ProcessSample, ReadStatus, Snapshot
from memstat.recording import walks

_STORED: Final[Any] = vars(Snapshot)["processes"]
_FIELDS: Final = tuple(Snapshot.__dataclass_fields__)


class Process:
    """What is known of a process between two lines that change it, but for when it was walked."""

    __slots__ = ("_sample", "value")

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value: Final = value
        """Its fields, as they are recorded."""
        self._sample: ProcessSample | None = None

    @property
    def sample(self) -> ProcessSample:
        """The same as a value."""
        if self._sample is None:
            self._sample = process_from(self.value)
        return self._sample

    @property
    def is_measured(self) -> bool:
        return bool(self.value["status"] == ReadStatus.MEASURED)


class Row(NamedTuple):
    """A process in a snapshot."""

    process: Process
    walked_s: float | None
    """When it was last walked."""

    def at(self, elapsed_s: float) -> ProcessSample:
        """Return what it was in a snapshot of this time."""
        sample = self.process.sample
        if self.walked_s is None:
            return sample
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
            walks.age_s(elapsed_s, self.walked_s),
            sample.walked_pss_bytes,
        )


class _Rows(NamedTuple):
    rows: Sequence[Row]


class RebuiltSnapshot(Snapshot):
    """A snapshot like any other: equal to one with the same fields, and immutable."""

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
        if isinstance(stored, _Rows):
            elapsed_s = self.elapsed_s
            stored = tuple([row.at(elapsed_s) for row in stored.rows])
            _STORED.__set__(self, stored)
        return cast("tuple[ProcessSample, ...]", stored)

    def _set(self, processes: tuple[ProcessSample, ...]) -> None:
        _STORED.__set__(self, processes)

    processes = property(_get, _set)


def rebuilt(head: Mapping[str, Any], rows: Sequence[Row]) -> Snapshot:
    """Return the snapshot of these fields and processes."""
    return RebuiltSnapshot(**head, processes=_Rows(rows))  # type: ignore[arg-type]  # made later


def lasting_of(snapshot: Snapshot) -> Sequence[ProcessSample]:
    """Return the processes of a snapshot, of a recording without their ``walk_age_s``.

    What has not changed is the same object as in the snapshot before it in the recording, and takes
    no time to make.
    """
    stored = _STORED.__get__(snapshot)
    if not isinstance(stored, _Rows):
        return snapshot.processes
    return [row.process.sample for row in stored.rows]


def walk_ages_of(snapshot: Snapshot) -> Sequence[float | None]:
    """Return the ``walk_age_s`` of the same processes."""
    stored = _STORED.__get__(snapshot)
    if not isinstance(stored, _Rows):
        return [process.walk_age_s for process in snapshot.processes]
    elapsed_s = snapshot.elapsed_s
    return [walks.age_s(elapsed_s, row.walked_s) for row in stored.rows]
