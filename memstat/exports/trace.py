"""A recording as a trace for Perfetto and chrome://tracing (Trace Event Format). Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from memstat.jsonlines import iso_8601
from memstat.model import ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.recording.following import Follower
from memstat.recording.header import Gap
from memstat.recording.loading import Recording
from memstat.results import Mark, Peak
from memstat.text import plural, printable
from memstat.units import format_size

Event = Mapping[str, object]
Sizes = Mapping[str, int]

_PIDS: Final = 1 << 22
"""No PID of Linux is as large: what is added to one that a second process has."""
_WITHOUT_MEMORY: Final = frozenset({ReadStatus.GONE, ReadStatus.NO_MEMORY})
_ZERO: Final[Sizes] = {}
_NOTHING: Final[Mapping[str, Sizes]] = {"Process": _ZERO, "PSS": _ZERO}


def trace_text(recording: Recording) -> Iterator[str]:
    """Yield the JSON of a trace, a snapshot at a time.

    Each process has counters for its PSS and its anonymous, file and shared parts; the first one
    also has the total. A counter is written where it changes. The peak, the marks, and snapshots
    that were not recorded are instants.
    """
    header = recording.header
    about = {
        "memstat": header.memstat,
        "command": [*header.command] if header.command else None,
        "host": header.host.name,
        "time": iso_8601(header.unix_time_s),
    }
    yield f'{{"displayTimeUnit":"ms","otherData":{json.dumps(about)},"traceEvents":[\n'
    separator = ""
    for event in events(recording):
        yield separator + json.dumps(event, separators=(",", ":"))
        separator = ",\n"
    yield "\n]}\n"


def events(recording: Recording) -> Iterator[Event]:
    """Yield the events of a trace; times in microseconds since the first tick, sizes in bytes."""
    counters = _Counters()
    for entry in recording.entries():
        match entry:
            case Snapshot():
                yield from counters.events(entry)
            case Mark():
                yield _instant(printable(entry.name), entry.elapsed_s)
            case Gap():
                lost = plural(entry.dropped, "snapshot", "snapshots")
                yield _instant(f"{lost} not recorded", entry.elapsed_s)
    # The whole recording has been read by now.
    if recording.peak is not None:
        yield _peak(recording.peak)


def _peak(peak: Peak) -> Event:
    return _instant(f"peak {format_size(peak.pss_bytes)}", peak.elapsed_s)


def _instant(name: str, elapsed_s: float) -> Event:
    return {"ph": "i", "s": "g", "name": name, "ts": _microseconds(elapsed_s), "pid": 0, "tid": 0}


def _microseconds(elapsed_s: float) -> int:
    return round(elapsed_s * 1_000_000)


class _Counters:
    """Follows the processes from one snapshot to the next."""

    def __init__(self) -> None:
        self._pids = _Pids()
        self._follower = Follower()
        self._names: dict[ProcessKey, str] = {}
        self._shown: dict[ProcessKey, dict[str, Sizes]] = {}
        """What the counters of each process show."""
        self._root: int | None = None
        self._total_bytes: int | None = None

    def events(self, snapshot: Snapshot) -> Iterator[Event]:
        at = _microseconds(snapshot.elapsed_s)
        changed, ended = self._follower.step(snapshot)
        for process in changed:
            key = process.key
            if self._names.get(key) != process.name:
                self._names[key] = process.name
                yield _name(process.name, self._pids.of(key))
            yield from self._changes(key, _sizes(process), at)
        for key in ended:
            yield from self._changes(key, _NOTHING, at)
            del self._shown[key], self._names[key]
        yield from self._total(snapshot, at)

    def _changes(self, key: ProcessKey, sizes: Mapping[str, Sizes], at: int) -> Iterator[Event]:
        """Yield the counters that change; one that never had a value is not set to nothing."""
        shown = self._shown.setdefault(key, {})
        for name, values in sizes.items():
            before = shown.get(name, {})
            new = values if values is not _ZERO else dict.fromkeys(before, 0)
            if new and new != before:
                shown[name] = new
                yield _counter(name, self._pids.of(key), at, new)

    def _total(self, snapshot: Snapshot, at: int) -> Iterator[Event]:
        total_bytes = snapshot.total.pss_bytes
        if self._root is None and self._follower.processes:
            self._root = self._pids.of(self._follower.processes[0].key)
        if total_bytes in (None, self._total_bytes) or self._root is None:
            return
        self._total_bytes = total_bytes
        yield _counter("Total", self._root, at, {"PSS": total_bytes})


class _Pids:
    """The PIDs of a trace: a process that has got a recycled one has another number."""

    def __init__(self) -> None:
        self._numbers: dict[ProcessKey, int] = {}
        self._times: Counter[int] = Counter()

    def of(self, key: ProcessKey) -> int:
        if key not in self._numbers:
            self._numbers[key] = key.pid + self._times[key.pid] * _PIDS
            self._times[key.pid] += 1
        return self._numbers[key]


def _sizes(process: ProcessSample) -> Mapping[str, Sizes]:
    """Return what each counter of a process shows; what is not known of it is left out.

    One that has ended has nothing. Of one that could not be read nothing is known.
    """
    if process.status in _WITHOUT_MEMORY:
        return _NOTHING
    memory = process.memory
    parts = {
        "anon": memory.pss_anon_bytes,
        "file": memory.pss_file_bytes,
        "shmem": memory.pss_shmem_bytes,
    }
    return {"Process": _known({"PSS": memory.pss_bytes}), "PSS": _known(parts)}


def _known(sizes: Mapping[str, int | None]) -> Sizes:
    return {name: size for name, size in sizes.items() if size is not None}


def _counter(name: str, pid: int, at: int, sizes: Mapping[str, int]) -> Event:
    return {"ph": "C", "name": name, "pid": pid, "tid": pid, "ts": at, "args": sizes}


def _name(name: str, pid: int) -> Event:
    shown = {"name": printable(name)}
    return {"ph": "M", "name": "process_name", "pid": pid, "tid": pid, "ts": 0, "args": shown}
