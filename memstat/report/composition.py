"""What a snapshot consists of: its tree with the parts of PSS, as a table of text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from memstat.model import Memory, ReadStatus, Snapshot
from memstat.report import columns as column
from memstat.report.arrange import arrange
from memstat.report.board import ProcessRow, View, unread_among
from memstat.report.columns import Cell, Column, Context, row_line, titles_line
from memstat.report.entries import Entry, State
from memstat.report.estimates import measured_total, reads_as_estimate
from memstat.report.page import Line, Span
from memstat.report.scale import WIDTH, Scale
from memstat.report.view_options import Order, ViewOptions
from memstat.results import SamplingStats
from memstat.text import printable

_LEAST_NAME_WIDTH: Final = 10
_GAP: Final = 1
_NO_STATS: Final = SamplingStats(0.0, 0, 0, 0, None, None, None)


def composition_lines(
    snapshot: Snapshot, scale: Scale, *, width: int, height: int, ascii_only: bool = False
) -> list[str]:
    """Return titles, at most ``height`` processes, and the total.

    Where there are more processes: the largest, and sums of the rest by program.

    >>> from memstat.report.scale import scale_for
    >>> from memstat.testing import snapshot_of
    >>> tree = snapshot_of({7: 5 << 20, 8: 3 << 20})
    >>> lines = composition_lines(tree, scale_for(8 << 20), width=60, height=9)
    >>> lines[0].split()
    ['PID', 'NAME', 'PSS', 'MiB', 'ANON', 'FILE', 'SHMEM', '%']
    >>> lines[-1].split()
    ['total', '8.0', '8.0', '0.0', '0.0', '100']
    """
    rows = [
        ProcessRow(process, rank_bytes=process.memory.pss_bytes or 0)
        for process in snapshot.processes
        if process.status is not ReadStatus.GONE
    ]
    total = measured_total(snapshot)
    view = View(
        rows=tuple(rows),
        total=total,
        peak=None,
        trend=(),
        elapsed_s=snapshot.elapsed_s,
        stats=_NO_STATS,
        unreadable=unread_among([row.sample.status for row in rows]),
    )
    arranged, _ = arrange(view, ViewOptions(), height)
    entries = [*arranged, _total(total, arranged)]
    shown = _fitting(width, max([_LEAST_NAME_WIDTH, *map(_name_width, entries)]))
    context = Context(scale, total.pss_bytes or 0, ascii_only, has_command_lines=False)
    lines = [row_line(shown, entry, context) for entry in entries]
    return [text_of(line) for line in (titles_line(shown, scale, Order.NAME), *lines)]


def _total(memory: Memory, entries: Sequence[Entry]) -> Entry:
    is_outdated = any(entry.is_outdated for entry in entries)
    return Entry(name="total", state=State.MEASURED, memory=memory, is_outdated=is_outdated)


def text_of(line: Line) -> str:
    """Return a line without its styles."""
    return "".join([text for text, _ in line]).rstrip()


def _part(field: str, *, needs_walk: bool) -> Cell:
    """Return the cell of a part of PSS: an estimate as PSS is, or where only a walk shows it."""

    def cell(entry: Entry, _: int, context: Context) -> Span:
        if entry.state is not State.MEASURED:
            return "", None
        size_bytes, scale = getattr(entry.memory, field), context.scale
        is_old = entry.is_outdated and needs_walk
        is_estimate = is_old or reads_as_estimate(entry.memory, scale.text)
        if is_estimate and size_bytes is not None:
            return scale.estimate(size_bytes), None
        return scale.text(size_bytes), None

    return cell


_PARTS: Final = (
    Column("ANON", WIDTH, _part("pss_anon_bytes", needs_walk=False)),
    Column("FILE", WIDTH, _part("pss_file_bytes", needs_walk=True)),
    Column("SHMEM", WIDTH, _part("pss_shmem_bytes", needs_walk=True)),
)
_PSS: Final = column.PSS._replace(width=WIDTH + 1)
"""Its title has the unit."""


def _name_width(entry: Entry) -> int:
    """Return the columns that a name takes with its indent, the sign of a gap and its count."""
    count = len(f" x {entry.members}") if entry.members > 1 else 0
    return (
        2 * (entry.depth + (entry.has_gap or entry.is_rest))
        + cell_len(printable(entry.name))
        + count
    )


def _fitting(width: int, most_for_name: int) -> Sequence[Column]:
    """Return the columns that fit: without shares, then without PIDs, where there is no room."""
    others = [column.PID, _PSS, *_PARTS, column.SHARE]
    for left_out in (column.SHARE, column.PID):
        if _width(others) + _LEAST_NAME_WIDTH <= width:
            break
        others.remove(left_out)
    name_width = max(1, min(width - _width(others), most_for_name))
    at = int(column.PID in others)
    return [*others[:at], column.name_column(name_width), *others[at:]]


def _width(columns: Sequence[Column]) -> int:
    return sum(column.width + _GAP for column in columns)
