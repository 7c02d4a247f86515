"""A recording as an SQLite database."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from memstat.exports.database import TABLES, write_database
from memstat.model import Memory
from memstat.recording.header import Gap
from memstat.recording.loading import Recording
from memstat.results import Mark
from tests.recorded import HEADER, MIB, process, recording_of, snapshots

MAKE = process(7, "make", 4 * MIB, depth=0)
CC = process(8, "cc", MIB)


def query(recording: Recording, path: Path, *statements: str) -> list[list[tuple[Any, ...]]]:
    write_database(recording, str(path / "m.db"))
    with closing(sqlite3.connect(path / "m.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [connection.execute(statement).fetchall() for statement in statements]


def test_samples_refer_to_snapshots_and_processes(tmp_path: Path) -> None:
    shell = replace(CC, name="sh")
    entries = snapshots([MAKE, shell], [MAKE, CC], [MAKE])
    (joined, totals) = query(
        recording_of(*entries),
        tmp_path,
        "SELECT elapsed_s, pid, name, samples.pss_bytes FROM samples"
        " JOIN snapshots USING (snapshot) JOIN processes USING (process)",
        "SELECT snapshot, pss_bytes FROM snapshots",
    )
    assert joined == [
        (0.0, 7, "make", 4 * MIB),
        (0.0, 8, "sh", MIB),
        (0.1, 7, "make", 4 * MIB),
        (0.1, 8, "cc", MIB),
        (0.2, 7, "make", 4 * MIB),
    ]
    assert totals == [(1, 5 * MIB), (2, 5 * MIB), (3, 4 * MIB)]


def test_it_has_what_the_recording_says_of_itself(tmp_path: Path) -> None:
    first, second = snapshots([MAKE], [process(7, "make", 9 * MIB, depth=0)])
    recording = recording_of(first, Mark("a\x1b", 0.05, None), Gap(0.06, 3), second, header=HEADER)
    (about, marks, gaps) = query(
        recording,
        tmp_path,
        "SELECT command, host, kernel, interval_s, peak_bytes, peak_elapsed_s, exit_code"
        " FROM recording",
        "SELECT * FROM marks",
        "SELECT * FROM gaps",
    )
    assert about == [(json.dumps(["make", "-j2"]), "node7", "6.18.0", 0.1, 9 * MIB, 0.1, None)]
    assert marks == [(r"a\x1b", 0.05, 4 * MIB, 0.0)]
    assert gaps == [(0.06, 3)]


def test_what_is_unknown_is_null(tmp_path: Path) -> None:
    (found,) = query(
        recording_of(*snapshots([replace(MAKE, memory=Memory(pss_bytes=5))])),
        tmp_path,
        "SELECT pss_bytes, uss_bytes, reason FROM samples",
    )
    assert found == [(5, None, None)]


def test_a_name_is_no_sql(tmp_path: Path) -> None:
    hostile = replace(MAKE, name="'); DROP TABLE samples; --")
    (tables, names) = query(
        recording_of(*snapshots([hostile])),
        tmp_path,
        "SELECT name FROM sqlite_master ORDER BY rowid",
        "SELECT name FROM processes",
    )
    assert [name for (name,) in tables] == [*TABLES]
    assert names == [(hostile.name,)]
