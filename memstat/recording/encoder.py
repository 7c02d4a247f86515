"""From snapshots to the lines of a recording: a whole one at times, else what has changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final

from memstat.deferred import deferred_of
from memstat.jsonlines import Json, process_object, seconds, snapshot_head
from memstat.model import MEMORY_FIELDS, ProcessKey, ProcessSample, Snapshot
from memstat.recording import walks

WHOLE_EVERY_S: Final = 60.0
"""How often a whole snapshot stands in a recording, for readers that start there."""

_FIELDS: Final = (
    "name",
    "ppid",
    "depth",
    "reason",
    "rss_peak_bytes",
    "walked_pss_bytes",
    "command_line",
)
"""What is recorded as it is, besides the identity, the status and the sizes."""
_STATE = attrgetter("key", "status", "memory", *_FIELDS)
"""All of a process but the time since its walk."""
_KEY = attrgetter("key")

State = tuple[object, ...]


class Encoder:
    """Turns snapshots, one after the other, into the objects that a ``Decoder`` reads.

    >>> from memstat.testing import snapshot_of
    >>> encoder = Encoder()
    >>> encoder.encode(snapshot_of({7: 4096, 8: 512}))["kind"]
    'snapshot'
    >>> encoder.encode(snapshot_of({7: 4096, 9: 512}, elapsed_s=0.1))["ended"]
    [8]
    """

    def __init__(self, *, command_lines: bool = False) -> None:
        """Command lines are recorded only on request: arguments hold secrets."""
        self._command_lines = command_lines
        self._keys: list[ProcessKey] = []
        # Of each of these, in this order; None of what has just come.
        self._processes: list[ProcessSample | None] = []
        self._states: list[State | None] = []
        self._walked_s: list[float | None] = []
        self._whole_s: float | None = None
        self._shown: Sequence[ProcessSample] | None = None
        """What the last snapshot had but for the times since walks, unless they were made."""

    def restart(self) -> None:
        """Make the next snapshot a whole one."""
        self._whole_s = None

    def encode(self, snapshot: Snapshot) -> Json:
        """Return the next line."""
        elapsed_s = round(snapshot.elapsed_s, 6)
        is_whole = self._is_whole_due(elapsed_s)
        if self._shows_nothing_new(snapshot) and not is_whole:
            return {**snapshot_head(snapshot, "changes"), "processes": [], "ended": []}
        keys = [*map(_KEY, snapshot.processes)]
        moved: dict[str, object] = {}
        if is_whole:
            self._whole_s = elapsed_s
        elif keys != self._keys:
            if _has_twins(keys):
                is_whole = True
            else:
                moved = self._take_tree(keys)
        if is_whole:
            return self._encode_whole(snapshot, keys, elapsed_s)
        value = snapshot_head(snapshot, "changes")
        value["processes"] = [*self._changes(snapshot, elapsed_s)]
        value["ended"] = moved.get("ended", [])
        return value | moved

    def _shows_nothing_new(self, snapshot: Snapshot) -> bool:
        """Whether it is as the last one, not even a walk: then its processes need not be made."""
        rows = deferred_of(snapshot)
        before, self._shown = self._shown, None if rows is None else rows.undated
        return before is not None and before is self._shown and snapshot.walk_s is None

    def _is_whole_due(self, elapsed_s: float) -> bool:
        since_s = self._whole_s
        return since_s is None or not 0 <= elapsed_s - since_s < WHOLE_EVERY_S

    def _encode_whole(self, snapshot: Snapshot, keys: list[ProcessKey], elapsed_s: float) -> Json:
        self._keys = keys
        self._processes = [*snapshot.processes]
        self._states = [*map(_STATE, snapshot.processes)]
        self._walked_s = [walks.walked_at_s(elapsed_s, p.walk_age_s) for p in snapshot.processes]
        if _has_twins(keys):  # No change can refer to one of them.
            self.restart()
        return {
            **snapshot_head(snapshot, "snapshot"),
            "processes": [self._whole_process(process) for process in snapshot.processes],
        }

    def _take_tree(self, keys: list[ProcessKey]) -> dict[str, object]:
        """Arrange what is known in the order of these keys; return which have ended or moved."""
        places = {key: at for at, key in enumerate(self._keys)}
        at = [places.get(key) for key in keys]
        self._processes = [None if place is None else self._processes[place] for place in at]
        self._states = [None if place is None else self._states[place] for place in at]
        self._walked_s = [None if place is None else self._walked_s[place] for place in at]
        pids = {key.pid for key in keys}
        moved: dict[str, object] = {"ended": [k.pid for k in self._keys if k.pid not in pids]}
        kept = [place for place in at if place is not None]
        if kept != sorted(kept):
            moved["order"] = [key.pid for key in keys]
        self._keys = keys
        return moved

    def _changes(self, snapshot: Snapshot, elapsed_s: float) -> Iterator[dict[str, object]]:
        """Yield what has changed of each process, or all of one that has come."""
        processes = snapshot.processes
        states = [*map(_STATE, processes)]
        changed: set[int] = set()
        if states != self._states:
            pairs = enumerate(zip(self._states, states, strict=True))
            changed = {at for at, (before, after) in pairs if before != after}
        rewalked = self._rewalked(snapshot, elapsed_s)
        for at in sorted(changed | rewalked):
            before, process = self._processes[at], processes[at]
            if before is None:
                yield self._arrival(process, processes[at - 1] if at else None, self._walked_s[at])
                continue
            value: dict[str, object] = {"pid": process.key.pid}
            if at in changed:
                value |= self._difference(before, process)
            if at in rewalked:
                value["walked_at_s"] = self._walked_s[at]
            if len(value) > 1:
                yield value
        self._processes, self._states = [*processes], [*states]

    def _rewalked(self, snapshot: Snapshot, elapsed_s: float) -> set[int]:
        """Take in when processes were walked; return those of which readers expect another time."""
        processes = snapshot.processes
        walked_s = walks.expected_s(processes, self._walked_s, elapsed_s, snapshot.walk_s)
        ages_s = [process.walk_age_s for process in processes]
        different = {
            (expected_s, age_s)
            # Few pairs, since most are walked together.
            for expected_s, age_s in {*zip(walked_s, ages_s, strict=True)}
            if walks.age_s(elapsed_s, expected_s) != seconds(age_s)
        }
        rewalked = set()
        if different:
            pairs = [*zip(walked_s, ages_s, strict=True)]
            rewalked = {at for at, pair in enumerate(pairs) if pair in different}
        for at in rewalked:
            walked_s[at] = walks.walked_at_s(elapsed_s, ages_s[at])
        self._walked_s = walked_s
        return rewalked

    def _difference(self, before: ProcessSample, after: ProcessSample) -> dict[str, object]:
        """Return the fields that have changed."""
        value: dict[str, object] = {}
        for field in _FIELDS:
            if (now := getattr(after, field)) != getattr(before, field):
                value[field] = now
        if not self._command_lines:
            value.pop("command_line", None)
        if after.status is not before.status:
            value["status"] = after.status.value
        if after.memory is not before.memory:
            for field in MEMORY_FIELDS:
                if (size := getattr(after.memory, field)) != getattr(before.memory, field):
                    value[field] = size
        return value

    def _arrival(
        self, process: ProcessSample, follows: ProcessSample | None, walked_s: float | None
    ) -> dict[str, object]:
        """Return all of a process that has come, and the one that it stands after in the list."""
        value = self._whole_process(process)
        del value["walk_age_s"]
        value["walked_at_s"] = walked_s
        value["after"] = None if follows is None else follows.key.pid
        return value

    def _whole_process(self, process: ProcessSample) -> dict[str, object]:
        value = process_object(process)
        if self._command_lines:
            value["command_line"] = process.command_line
        return value


def _has_twins(keys: Sequence[ProcessKey]) -> bool:
    """Whether a PID stands twice: one that was recycled during a sweep."""
    return len({key.pid for key in keys}) < len(keys)
