"""A recording as an SQLite database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from operator import attrgetter
from typing import Final

from memstat.exports.unchanged import Unchanged
from memstat.jsonlines import iso_8601
from memstat.model import MEMORY_FIELDS, ProcessKey, ProcessSample, Snapshot
from memstat.recording.header import Gap, Header
from memstat.recording.loading import Recording
from memstat.recording.rebuilt import walk_ages_of
from memstat.results import Mark, Peak, RunResult
from memstat.text import printable

_SIZES: Final = tuple(f"{field} INTEGER" for field in MEMORY_FIELDS)
_sizes_of = attrgetter(*MEMORY_FIELDS)

TABLES: Final = {
    "recording": (
        "format INTEGER",
        "memstat TEXT",
        "time TEXT",
        "interval_s REAL",
        "command TEXT",
        "targets TEXT",
        "recursive INTEGER",
        "host TEXT",
        "kernel TEXT",
        "cpus INTEGER",
        "memory_bytes INTEGER",
        "cgroup TEXT",
        "cgroup_limit_bytes INTEGER",
        "exit_code INTEGER",
        "signal INTEGER",
        "duration_s REAL",
        "peak_bytes INTEGER",
        "peak_low_bytes INTEGER",
        "peak_high_bytes INTEGER",
        "peak_elapsed_s REAL",
    ),
    "snapshots": (
        "snapshot INTEGER PRIMARY KEY",
        "tick INTEGER",
        "time TEXT",
        "elapsed_s REAL",
        "late_s REAL",
        "missed_ticks INTEGER",
        "sweep_s REAL",
        "complete INTEGER",
        "torn INTEGER",
        "missing_reason TEXT",
        "spikes_bytes INTEGER",
        "walk_s REAL",
        *_SIZES,
    ),
    "processes": (
        "process INTEGER PRIMARY KEY",
        "pid INTEGER",
        "start_ticks INTEGER",
        "name TEXT",
    ),
    "samples": (
        "snapshot INTEGER REFERENCES snapshots",
        "process INTEGER REFERENCES processes",
        "ppid INTEGER",
        "depth INTEGER",
        "status TEXT",
        "reason TEXT",
        *_SIZES,
        "rss_peak_bytes INTEGER",
        "walked_pss_bytes INTEGER",
        "walk_age_s REAL",
    ),
    "marks": (
        "name TEXT",
        "elapsed_s REAL",
        "peak_bytes INTEGER",
        "peak_elapsed_s REAL",
    ),
    "gaps": (
        "elapsed_s REAL",
        "dropped INTEGER",
    ),
}
"""The columns of each table; times and sizes as in JSON."""

Row = Sequence[object]


def write_database(recording: Recording, path: str) -> None:
    """Write a recording to a new database. Raises sqlite3.Error where the disk takes no more."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # The file is new, and removed where it stays incomplete: a journal would save nothing.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for name, columns in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        _Writer(connection).write(recording)
        connection.execute("COMMIT")


class _Writer:
    """Fills the tables, a snapshot at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._snapshots = 0
        self._processes: dict[tuple[ProcessKey, str], int] = {}
        self._unchanged = Unchanged(self._sample)

    def write(self, recording: Recording) -> None:
        for entry in recording.entries():
            match entry:
                case Snapshot():
                    self._snapshot(entry)
                case Mark():
                    self._insert("marks", _mark(entry))
                case Gap():
                    self._insert("gaps", (entry.elapsed_s, entry.dropped))
        about = (*_header(recording.header), *_end(recording.result), *_peak(recording.peak))
        self._insert("recording", about)

    def _snapshot(self, snapshot: Snapshot) -> None:
        self._snapshots += 1
        self._insert("snapshots", _snapshot(self._snapshots, snapshot))
        number = self._snapshots
        of_processes = self._unchanged.of(snapshot)
        ages_s = walk_ages_of(snapshot)
        rows = [
            (number, *of_process, age_s)
            for of_process, age_s in zip(of_processes, ages_s, strict=True)
        ]
        self._insert("samples", *rows)

    def _sample(self, process: ProcessSample) -> Row:
        """Return all that a process has, but for when it was walked."""
        return (
            self._number(process),
            process.ppid,
            process.depth,
            process.status.value,
            _printable(process.reason),
            *_sizes_of(process.memory),
            process.rss_peak_bytes,
            process.walked_pss_bytes,
        )

    def _number(self, process: ProcessSample) -> int:
        """Return the number of a process under its name: with ``execve`` it gets another."""
        one = process.key, process.name
        number = self._processes.get(one)
        if number is None:
            number = self._processes[one] = len(self._processes) + 1
            key = process.key
            self._insert("processes", (number, key.pid, key.start_ticks, printable(process.name)))
        return number

    def _insert(self, table: str, *rows: Row) -> None:
        places = ", ".join("?" * len(TABLES[table]))
        # The names are our own.
        self._connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608


def _snapshot(number: int, snapshot: Snapshot) -> Row:
    return (
        number,
        snapshot.tick,
        iso_8601(snapshot.unix_time_s),
        snapshot.elapsed_s,
        snapshot.late_s,
        snapshot.missed_ticks,
        snapshot.sweep_s,
        snapshot.complete,
        snapshot.torn,
        _printable(snapshot.missing_reason),
        snapshot.spikes_bytes,
        snapshot.walk_s,
        *_sizes_of(snapshot.total),
    )


def _mark(mark: Mark) -> Row:
    peak = mark.peak
    return (
        printable(mark.name),
        mark.elapsed_s,
        *((peak.pss_bytes, peak.elapsed_s) if peak else (None, None)),
    )


def _header(header: Header) -> Row:
    host = header.host
    return (
        header.format,
        printable(header.memstat),
        iso_8601(header.unix_time_s),
        header.interval_s,
        None if header.command is None else json.dumps(header.command),
        None if header.targets is None else json.dumps(header.targets),
        header.recursive,
        printable(host.name),
        _printable(host.kernel),
        host.cpus,
        host.memory_bytes,
        _printable(host.cgroup),
        host.cgroup_limit_bytes,
    )


def _printable(text: str | None) -> str | None:
    return None if text is None else printable(text)


def _end(result: RunResult | None) -> Row:
    return (result.exit_code, result.signal, result.duration_s) if result else (None,) * 3


def _peak(peak: Peak | None) -> Row:
    if peak is None:
        return (None,) * 4
    return peak.pss_bytes, peak.pss_low_bytes, peak.pss_high_bytes, peak.elapsed_s
