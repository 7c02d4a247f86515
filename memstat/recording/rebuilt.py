"""Snapshots of a recording, of which the processes are made when they are looked at. Pure.

To make the samples of a few hundred processes takes ten times as long as to read the line that says
what has changed of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from memstat.deferred import DeferredSnapshot, deferred_of, with_walk_age
from memstat.jsonlines import checked_process, process_object
from memstat.model import ProcessSample, ReadStatus, Snapshot
from memstat.recording import walks


class Process:
    """What is known of a process between two lines that change it, but for when it was walked."""

    __slots__ = ("_sample", "value")

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value: Final = value
        """Its fields, as they are recorded and were checked."""
        self._sample: ProcessSample | None = None

    @property
    def sample(self) -> ProcessSample:
        """The same as a value."""
        if self._sample is None:
            self._sample = checked_process(self.value)
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
        age_s = walks.age_s(elapsed_s, self.walked_s)
        return self.process.sample if age_s is None else with_walk_age(self.process.sample, age_s)


class _Rows:
    """The processes of a snapshot, as they are recorded."""

    __slots__ = ("_elapsed_s", "_rows")

    def __init__(self, rows: Sequence[Row], elapsed_s: float) -> None:
        self._rows = rows
        self._elapsed_s = elapsed_s

    @property
    def undated(self) -> Sequence[ProcessSample]:
        return [row.process.sample for row in self._rows]

    @property
    def fields(self) -> Sequence[Mapping[str, Any]]:
        return [row.process.value for row in self._rows]

    @property
    def walk_ages_s(self) -> Sequence[float | None]:
        return [walks.age_s(self._elapsed_s, row.walked_s) for row in self._rows]

    def dated(self) -> tuple[ProcessSample, ...]:
        return tuple([row.at(self._elapsed_s) for row in self._rows])


def rebuilt(head: Mapping[str, Any], rows: Sequence[Row]) -> Snapshot:
    """Return the snapshot of these fields and processes."""
    return DeferredSnapshot(**head, processes=_Rows(rows, head["elapsed_s"]))  # type: ignore[arg-type]  # made later


def fields_of(snapshot: Snapshot) -> Sequence[Mapping[str, Any]]:
    """Return its processes as they are recorded, of one of a recording without making them.

    What they were walked at is not part of it.

    >>> from memstat.testing import snapshot_of
    >>> [fields["pss_bytes"] for fields in fields_of(snapshot_of({7: 4096}))]
    [4096]
    """
    rows = deferred_of(snapshot)
    if isinstance(rows, _Rows):
        return rows.fields
    return [process_object(process) for process in snapshot.processes]


def walk_ages_of(snapshot: Snapshot) -> Sequence[float | None]:
    """Return the ``walk_age_s`` of its processes, of one of a recording without making them."""
    rows = deferred_of(snapshot)
    if isinstance(rows, _Rows):
        return rows.walk_ages_s
    return [process.walk_age_s for process in snapshot.processes]
