"""A view as a table for a terminal of a given size. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Group, JustifyMethod, OverflowMethod, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from memstat.model import ProcessSample, ReadStatus
from memstat.report.board import ProcessRow, View
from memstat.report.estimates import is_outdated, peak_bracket, pss_text, reads_as_estimate
from memstat.report.trend import bars
from memstat.sampling.sums import add_up
from memstat.text import plural, printable
from memstat.units import format_duration, format_elapsed, format_percent, format_size

_SIZE_WIDTH: Final = 8
_PSS_WIDTH: Final = _SIZE_WIDTH + 1
"""With the mark of an estimate."""
_PID_WIDTH: Final = 7
_TREND_WIDTH: Final = 10
_LEAST_NAME_WIDTH: Final = 12
_ROOM_FOR_COMMAND_LINES: Final = 28
_FOOTER_LINES: Final = 2
_GAP: Final = 1

_DIM: Final = Style(dim=True)
_WARN: Final = Style(color="yellow")
_STRONG: Final = Style(bold=True)
_TREND_STYLE: Final = Style(color="cyan")


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    width: int
    cell: Callable[[ProcessRow, bool], Text]
    """What it shows of a process, in ASCII only or not."""
    justify: JustifyMethod = "right"


def _size(size_bytes: int | None) -> Text:
    return Text("-" if size_bytes is None else format_size(size_bytes))


def _pss(row: ProcessRow) -> Text:
    if row.has_ended:
        return Text("gone", _DIM)
    if row.sample.status is ReadStatus.DENIED:
        return Text("denied", _WARN)
    if row.sample.status is ReadStatus.UNREADABLE:
        return Text("failed", _WARN)
    if row.memory.pss_bytes is None:
        return Text("-")
    return Text(pss_text(row.memory), _DIM if reads_as_estimate(row.memory) else "")


def _of_last_walk(field: str, row: ProcessRow) -> Text:
    """Return a size that only a walk shows: it is dimmed where PSS has changed since."""
    text = _size(getattr(row.memory, field))
    if is_outdated(row.sample):
        text.stylize(_DIM)
    return text


_PID: Final = _Column("PID", _PID_WIDTH, lambda row, _: Text(str(row.sample.key.pid)))
_PSS: Final = _Column("PSS", _PSS_WIDTH, lambda row, _: _pss(row))
_PEAK: Final = _Column("PEAK", _SIZE_WIDTH, lambda row, _: _size(row.peak_bytes))
_USS: Final = _Column("USS", _SIZE_WIDTH, lambda row, _: _of_last_walk("uss_bytes", row))
_RSS: Final = _Column("RSS", _SIZE_WIDTH, lambda row, _: _size(row.memory.rss_bytes))
_SWAP: Final = _Column("SWAP", _SIZE_WIDTH, lambda row, _: _of_last_walk("swap_pss_bytes", row))
_HUGE: Final = _Column("HUGE", _SIZE_WIDTH, lambda row, _: _of_last_walk("hugetlb_bytes", row))
_TREND: Final = _Column(
    "TREND",
    _TREND_WIDTH,
    lambda row, ascii_only: Text(
        bars(row.trend, width=_TREND_WIDTH, top=row.peak_bytes or 0, ascii_only=ascii_only),
        _TREND_STYLE,
    ),
    "left",
)
_COLUMNS: Final = (_PSS, _PEAK, _USS, _RSS, _SWAP, _HUGE, _TREND)
_DROPPED_FIRST_TO_LAST: Final = (_HUGE, _SWAP, _TREND, _RSS, _USS, _PEAK, _PID)


def dashboard(view: View, *, width: int, height: int, ascii_only: bool = False) -> RenderableType:
    """Return one row per process and a footer, in at most ``height`` lines.

    Where not all processes fit, those with the largest PSS are shown and the rest summed up. Where
    not all columns fit, they go in this order: huge pages (shown only
    where there are any), swap, trend, RSS, USS, peak, PID.
    """
    columns = _fitting(width, with_huge=any(row.memory.hugetlb_bytes for row in view.rows))
    table = _empty_table(columns, overflow="crop" if ascii_only else "ellipsis")
    shown, rest = _largest(view.rows, max(1, height - 1 - _FOOTER_LINES))
    for row in shown:
        cells = (column.cell(row, ascii_only) for column in columns)
        table.add_row(*cells, style=_DIM if row.has_ended else None)
    if rest:
        summed: dict[str, RenderableType] = {
            "NAME": f"{'...' if ascii_only else '…'} {len(rest)} more:",
            "PSS": _pss_of(rest),
        }
        table.add_row(*(summed.get(column.title, "") for column in columns), style=_DIM)
    return Group(table, *footer(view, width=width, ascii_only=ascii_only))


def _empty_table(columns: Iterable[_Column], *, overflow: OverflowMethod) -> Table:
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style=_STRONG)
    for column in columns:
        table.add_column(
            column.title,
            justify=column.justify,
            width=column.width,
            no_wrap=True,
            overflow=overflow,
        )
    return table


def footer(view: View, *, width: int, ascii_only: bool = False) -> Sequence[Text]:
    """Return two lines: total and peak; time, samples, costs and doubts."""
    stats = view.stats
    when = format_elapsed(view.elapsed_s)
    facts = [
        f"partial: {view.unreadable} unreadable" if view.unreadable else "",
        view.beside_pss or "",
        f"at the peak, {when}" if view.is_peak else when,
        plural(stats.samples, "sample", "samples"),
        f"{stats.missed_ticks} missed",
        _walk(view),
        f"cost {format_percent(stats.held_share)}" if stats.held_share else "",
        f"{stats.torn_samples} uncertain" if stats.torn_samples else "",
        f"sweep {format_duration(stats.sweep_median_s):>7}" if stats.sweep_median_s else "",
    ]
    second = _as_fits(filter(None, facts), width, _WARN if view.unreadable else _DIM)
    return [total_line(view, width=width, ascii_only=ascii_only), second]


def _walk(view: View) -> str:
    """Return how old the walk is that an estimate began with; nothing where there is none."""
    if not view.walk_age_s or not reads_as_estimate(view.total):
        return ""
    return f"walked {format_elapsed(view.walk_age_s)} {'before' if view.is_peak else 'ago'}"


def total_line(view: View, *, width: int, ascii_only: bool = False) -> Text:
    """Return the total, the running peak, when it was and its bounds, and the trend."""
    parts = [f"Total {pss_text(view.total):>{_PSS_WIDTH}}"]
    if view.peak is None:
        return _as_fits(parts, width, _STRONG)
    when = format_elapsed(view.peak.elapsed_s)
    parts.append(f"peak {format_size(view.peak.pss_bytes):>{_SIZE_WIDTH}} at {when}")
    if bracket := peak_bracket(view.peak):
        parts.append(bracket)
    text = _as_fits(parts, width, _STRONG)
    room = width - len(text) - 2
    if room > 0:
        trend = bars(view.trend, width=room, top=view.peak.pss_bytes, ascii_only=ascii_only)
        text.append(f"  {trend}", _TREND_STYLE)
    return text


def _as_fits(parts: Iterable[str], width: int, style: Style) -> Text:
    """Return the parts that fit whole; of the first, as much as fits."""
    first, *others = parts
    line = first[:width]
    for part in others:
        if len(line) + 2 + len(part) > width:
            break
        line += f"  {part}"
    return Text(line, style, no_wrap=True)


def _fitting(width: int, *, with_huge: bool) -> Sequence[_Column]:
    """Return the columns that fit; NAME has the width that the others leave."""
    columns = [_PID, *(column for column in _COLUMNS if with_huge or column is not _HUGE)]
    for column in _DROPPED_FIRST_TO_LAST[0 if with_huge else 1 :]:
        if _total_width(columns) + _LEAST_NAME_WIDTH <= width:
            break
        columns.remove(column)
    name = _name_column(width - _total_width(columns))
    columns.insert(1 if _PID in columns else 0, name)
    return columns


def _total_width(columns: Iterable[_Column]) -> int:
    return sum(column.width + _GAP for column in columns)


def _name_column(width: int) -> _Column:
    return _Column("NAME", width, lambda row, _: Text(_name(row.sample, width)), "left")


def _largest(
    rows: Sequence[ProcessRow], room: int
) -> tuple[Sequence[ProcessRow], Sequence[ProcessRow]]:
    """Return the rows that fit, in their order, and the rest of those that have not ended."""
    # Processes that have ended make room first, and add nothing to a sum.
    order = sorted(range(len(rows)), key=lambda at: (rows[at].has_ended, -rows[at].pss_bytes))
    alive = sum(not row.has_ended for row in rows)
    chosen = set(order[: room if alive <= room else room - 1])
    shown = [row for at, row in enumerate(rows) if at in chosen]
    return shown, [rows[at] for at in order[:alive] if at not in chosen]


def _pss_of(rows: Sequence[ProcessRow]) -> str:
    # The RSS of denied ones would be a part of its upper bound.
    total = add_up([row.sample for row in rows if row.sample.status is not ReadStatus.DENIED])
    return "-" if total.pss_bytes is None else pss_text(total)


def _name(sample: ProcessSample, width: int) -> str:
    """Return the command line where it is known and there is room, else the name."""
    indent = "  " * min(sample.depth, width // 6)
    has_room = width >= _ROOM_FOR_COMMAND_LINES
    command_line = _short(sample.command_line or "") if has_room else ""
    # Cut here, by a character too late for the sign that it was: rich keeps what it has measured.
    most = width + 1
    return (indent + printable((command_line or sample.name)[:most]))[:most]


def _short(command_line: str) -> str:
    """Return a command line without the folder of its program."""
    program, space, arguments = command_line.partition(" ")
    return program.rpartition("/")[2] + space + arguments
