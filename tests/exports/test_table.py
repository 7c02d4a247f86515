"""A recording as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from memstat.exports.table import COLUMNS, csv_text
from memstat.model import DenialReason, Memory, ProcessSample, ReadStatus
from tests.recorded import MIB, process, recording_of, snapshots

MAKE = process(7, "make", 4 * MIB, depth=0)


def rows_of(*trees: list[ProcessSample]) -> list[dict[str, str]]:
    text = "".join(csv_text(recording_of(*snapshots(*trees))))
    return [*csv.DictReader(io.StringIO(text, newline=""))]


def test_there_is_a_row_for_each_process_in_each_snapshot() -> None:
    rows = rows_of([MAKE, process(8, "cc", MIB)], [MAKE])
    assert [(row["elapsed_s"], row["pid"], row["pss_bytes"]) for row in rows] == [
        ("0.000000", "7", "4194304"),
        ("0.000000", "8", "1048576"),
        ("0.100000", "7", "4194304"),
    ]
    assert rows[2]["time"] == "2023-11-14T22:13:20.100000Z"
    assert rows[0]["complete"] == "true"
    assert rows[0]["status"] == "measured"


def test_it_is_as_rfc_4180_has_it() -> None:
    text = "".join(csv_text(recording_of(*snapshots([MAKE]))))
    heading, row, end = text.split("\r\n")
    assert heading == ",".join(COLUMNS)
    assert row.count(",") == len(COLUMNS) - 1
    assert end == ""


def test_what_is_unknown_is_empty_and_not_0() -> None:
    denied = replace(
        process(9, "other", Memory()),
        status=ReadStatus.DENIED,
        reason=DenialReason.OTHER_USER,
        walk_age_s=None,
    )
    (row,) = rows_of([denied])
    assert row["pss_bytes"] == row["walk_age_s"] == row["swap_pss_bytes"] == ""
    assert (row["status"], row["reason"]) == ("denied", "it belongs to another user")


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ('a,"b"', 'a,"b"'),
        ("a\nb\r\x1b[2J", r"a\nb\r\x1b[2J"),
        ('=HYPERLINK("x")', '\'=HYPERLINK("x")'),
        ("+1", "'+1"),
        ("-bash", "'-bash"),
        ("@sum", "'@sum"),
        ("＝1", "'＝1"),  # noqa: RUF001 - full width: a spreadsheet may take it for =
        ("\t=1", r"\t=1"),
        ("'=1", "''=1"),
        ("sh -c '=1'", "sh -c '=1'"),
    ],
)
def test_a_name_is_data_for_programs_and_no_formula_for_spreadsheets(name: str, cell: str) -> None:
    (row,) = rows_of([replace(MAKE, name=name)])
    assert row["name"] == cell
    assert None not in row


def test_sizes_follow_each_change() -> None:
    trees = [[replace(MAKE, memory=Memory(pss_bytes=size))] for size in (1, 2, 2, 3)]
    assert [row["pss_bytes"] for row in rows_of(*trees)] == ["1", "2", "2", "3"]
