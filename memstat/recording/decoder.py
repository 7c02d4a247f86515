"""From the lines of a recording to snapshots. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memstat.json_types import check_process
from memstat.jsonlines import head_from
from memstat.model import ReadStatus, Snapshot
from memstat.recording import walks
from memstat.recording.rebuilt import Process, Row, rebuilt

Json = Mapping[str, Any]


class Decoder:
    """Rebuilds whole snapshots from what ``Encoder`` has made of them.

    >>> from memstat.recording.encoder import Encoder
    >>> from memstat.testing import snapshot_of
    >>> encoder, decoder = Encoder(), Decoder()
    >>> course = [snapshot_of({7: 4096}), snapshot_of({7: 8192}, elapsed_s=0.1)]
    >>> [decoder.decode(encoder.encode(snapshot)) for snapshot in course] == course
    True
    """

    def __init__(self) -> None:
        self.changed: Sequence[Process] = ()
        """Those that the last line said something of."""
        self._rows: dict[int, Row] | None = None

    def forget(self) -> None:
        """Wait for the next whole snapshot: lines before it are missing."""
        self._rows = None

    @property
    def is_waiting(self) -> bool:
        """Whether changes mean nothing before a whole snapshot has come."""
        return self._rows is None

    def decode(self, value: Json) -> Snapshot:
        """Return the snapshot that a line of kind ``snapshot`` or ``changes`` stands for.

        Raises ValueError where it does not fit those before it, or is damaged.
        """
        try:
            head = head_from(value)
            if value["kind"] == "snapshot":
                return self._whole(head, value)
            return self._changes(head, value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self.forget()
            raise ValueError(f"not a line of a recording: {error!r}") from error

    def _whole(self, head: Json, value: Json) -> Snapshot:
        elapsed_s = head["elapsed_s"]
        rows = [
            Row(_new(process), walks.walked_at_s(elapsed_s, process["walk_age_s"]))
            for process in value["processes"]
        ]
        self._rows = {row.process.value["pid"]: row for row in rows}
        self.changed = [row.process for row in rows]
        return rebuilt(head, rows)

    def _changes(self, head: Json, value: Json) -> Snapshot:
        if self._rows is None:
            raise ValueError("no whole snapshot before it")
        rows = self._rows
        for pid in value["ended"]:
            del rows[pid]
        arrivals = [process for process in value["processes"] if "start_ticks" in process]
        changes = [process for process in value["processes"] if "start_ticks" not in process]
        for process in arrivals:
            rows.pop(process["pid"], None)
        _update(rows, changes, head)
        if arrivals:
            rows = _with_arrivals(rows, arrivals)
        if "order" in value:
            rows = {pid: rows[pid] for pid in value["order"]}
        self._rows = rows
        self.changed = [rows[process["pid"]].process for process in value["processes"]]
        return rebuilt(head, [*rows.values()])


def _new(value: Json) -> Process:
    check_process(value)
    process = Process({**value, "walk_age_s": None})
    _ = process.sample  # Now, as an error is an error of this line.
    return process


def _update(rows: dict[int, Row], changes: Sequence[Json], head: Json) -> None:
    """Take in what has changed of processes that were there before, and whether they were walked.

    Their status in this snapshot, not that before, says whether they were.
    """
    for change in changes:
        check_process(change)
        if "status" in change:
            ReadStatus(change["status"])
        pid = change["pid"]
        process, walked_s = rows[pid]
        # Where nothing but the walk is another, it may stay the same object.
        if len(change) > 2 or "walked_at_s" not in change:
            rows[pid] = Row(Process({**process.value, **change}), walked_s)
    if head["walk_s"] is not None:
        elapsed_s = head["elapsed_s"]
        for pid, row in rows.items():
            if row.process.is_measured:
                rows[pid] = Row(row.process, elapsed_s)
    for change in changes:
        if "walked_at_s" in change:
            rows[change["pid"]] = Row(rows[change["pid"]].process, change["walked_at_s"])


def _with_arrivals(rows: Mapping[int, Row], arrivals: Sequence[Json]) -> dict[int, Row]:
    """Return the processes with those that have come, each after the one that it names."""
    order = [*rows]
    arrived = {}
    for value in arrivals:
        pid, before = value["pid"], value["after"]
        order.insert(0 if before is None else order.index(before) + 1, pid)
        arrived[pid] = Row(_new(value), value["walked_at_s"])
    return {pid: arrived[pid] if pid in arrived else rows[pid] for pid in order}
