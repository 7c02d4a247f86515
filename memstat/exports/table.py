"""A recording as CSV: a row for each process in each snapshot. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Final

from memstat.exports.unchanged import Unchanged
from memstat.jsonlines import iso_8601
from memstat.model import MEMORY_FIELDS, ProcessSample, Snapshot
from memstat.recording.loading import Recording
from memstat.recording.rebuilt import walk_ages_of
from memstat.text import printable

_OF_SNAPSHOT: Final = ("time", "elapsed_s", "tick", "complete", "torn")
_OF_PROCESS: Final = ("pid", "ppid", "start_ticks", "depth", "name", "status", "reason")
COLUMNS: Final = (
    *_OF_SNAPSHOT,
    *_OF_PROCESS,
    *MEMORY_FIELDS,
    "rss_peak_bytes",
    "walked_pss_bytes",
    "walk_age_s",
)
_END: Final = "\r\n"
_sizes_of = attrgetter(*MEMORY_FIELDS)
_FORMULAS: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")  # noqa: RUF001 - full width
"""What a spreadsheet takes for the start of a formula, and the mark that keeps it from it."""


def csv_text(recording: Recording) -> Iterator[str]:
    """Yield the text of a CSV file (RFC 4180), a snapshot at a time; what is unknown is empty."""
    yield f"{','.join(COLUMNS)}{_END}"
    cells = Unchanged(_process_cells)
    for snapshot in recording:
        before = _snapshot_cells(snapshot)
        yield "".join(
            [
                f"{before},{of_process},{'' if age_s is None else age_s}{_END}"
                for of_process, age_s in zip(
                    cells.of(snapshot), walk_ages_of(snapshot), strict=True
                )
            ]
        )


@lru_cache
def safe_cell(text: str) -> str:
    r"""Return a text of others as a cell that no spreadsheet calculates.

    What would be a formula has an apostrophe before it, and so has what begins with one: a program
    that takes one apostrophe from the start gets the text back.

    >>> print(safe_cell("=1+2"), safe_cell("make"), safe_cell("a\nb"), safe_cell("a,b"))
    '=1+2 make a\nb "a,b"
    """
    text = printable(text)
    text = f"'{text}" if text.startswith(_FORMULAS) else text
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if "," in text or quoted != text else text


def _snapshot_cells(snapshot: Snapshot) -> str:
    return (
        f"{iso_8601(snapshot.unix_time_s)},{snapshot.elapsed_s:.6f},{snapshot.tick},"
        f"{_truth(is_so=snapshot.complete)},{_truth(is_so=snapshot.torn)}"
    )


def _truth(*, is_so: bool) -> str:
    return "true" if is_so else "false"


def _process_cells(process: ProcessSample) -> str:
    """Return all that a process has, but for when it was walked."""
    key = process.key
    sizes = (*_sizes_of(process.memory), process.rss_peak_bytes, process.walked_pss_bytes)
    return (
        f"{key.pid},{'' if process.ppid is None else process.ppid},{key.start_ticks},"
        f"{process.depth},{safe_cell(process.name)},{process.status},"
        f"{safe_cell(process.reason or '')},"
        f"{','.join(['' if size is None else str(size) for size in sizes])}"
    )
