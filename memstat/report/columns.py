"""The columns of the table: which fit, how wide they are, what they show of a row. Pure.

Widths depend on the terminal and the options alone, never on what is shown: a column that moves
with each process that comes or goes cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from rich.style import Style

from memstat.report.entries import Entry, State
from memstat.report.names import command_of, name_of
from memstat.report.page import DIM, STRONG, TREND, WARN, Line, Span, fitted, line_of
from memstat.report.scale import WIDTH, Scale
from memstat.report.trend import bars
from memstat.report.view_options import Order
from memstat.text import printable

_PID_WIDTH: Final = 7
_SHARE_WIDTH: Final = 3
_LEAST_NAME_WIDTH: Final = 12
_NAME_WIDTH: Final = 20
_MOST_NAME_WIDTH: Final = 32
_LEAST_TREND_WIDTH: Final = 10
_MOST_TREND_WIDTH: Final = 40
_LEAST_COMMAND_WIDTH: Final = 23
_INDENT_PART: Final = 6
_GAP: Final = 1

_LARGE: Final = 0.25
_CONSIDERABLE: Final = 0.05
_LARGE_STYLE: Final = Style(color="magenta", bold=True)
_GROWS: Final = Style(color="red")
_SHRINKS: Final = Style(color="green")


_KEPT: Final = 512
"""Of how many rows the bars are kept: they change twice a second, and frames come more often."""


class Context(NamedTuple):
    """What all cells of a page have in common."""

    scale: Scale
    total_bytes: int
    ascii_only: bool = False
    has_command_lines: bool = True
    """Whether command lines follow the names, because they have no column."""


Cell = Callable[[Entry, int, Context], Span]
"""Returns what a column shows of a row, at most as wide as it is."""


class Column(NamedTuple):
    """A column."""

    title: str
    width: int
    cell: Cell
    is_left: bool = False
    order: Order | None = None
    """What sorting by it is called."""


def row_line(columns: Sequence[Column], entry: Entry, context: Context) -> Line:
    """Return a row, each cell as wide as its column."""
    spans: list[Span] = []
    for _, width, cell, is_left, _ in columns:
        text, style = cell(entry, width, context)
        spans.append((text + " " if is_left else text.rjust(width) + " ", style))
    if entry.state is State.ENDED:
        spans = [("".join([text for text, _ in spans]), DIM)]
    return line_of(spans)


def titles_line(columns: Sequence[Column], scale: Scale, order: Order) -> Line:
    """Return the line above the rows: that of PSS names the unit of all sizes."""
    spans: list[Span] = []
    for title, width, _, is_left, its_order in columns:
        text = (f"{title} {scale.unit}" if title == "PSS" else title)[:width]
        blanks = " " * (width - len(text))
        style = _SORTED if order is its_order else STRONG
        spans += [(text, style), (blanks, None)] if is_left else [(blanks, None), (text, style)]
        spans.append((" ", None))
    return line_of(spans)


_SORTED: Final = Style(bold=True, underline=True)


def _pid(entry: Entry, _: int, __: Context) -> Span:
    return ("" if entry.pid is None else str(entry.pid)), None


def _name(entry: Entry, width: int, context: Context) -> Span:
    """Return the name, and what is known of its command line if that has no column."""
    ascii_only = context.ascii_only
    before = _before_name(entry, width, ascii_only=ascii_only)
    room = max(0, width - len(before))
    if entry.members > 1:
        # The number is the last to be cut.
        after = f" x {entry.members}"
        name = fitted(printable(entry.name), max(0, room - len(after)), ascii_only=ascii_only)
        name = fitted(name.rstrip() + after, room, ascii_only=ascii_only)
    else:
        name = name_of(
            entry.name,
            entry.command_line,
            room,
            has_arguments=context.has_command_lines,
            ascii_only=ascii_only,
        )
    return f"{before}{name}"[:width], DIM if entry.is_rest else None


def _before_name(entry: Entry, width: int, *, ascii_only: bool) -> str:
    indent = " " * (2 * min(entry.depth, width // _INDENT_PART))
    if not entry.has_gap and not entry.is_rest:
        return indent
    return f"{indent}{'...' if ascii_only else '…'} "


def _command(entry: Entry, width: int, context: Context) -> Span:
    return command_of(entry.command_line, width, ascii_only=context.ascii_only), None


_INSTEAD: Final = {
    State.ENDED: ("ended", DIM),
    State.DENIED: ("denied", WARN),
    State.FAILED: ("failed", WARN),
    State.NO_MEMORY: ("-", None),
}


def _pss(entry: Entry, _: int, context: Context) -> Span:
    if entry.state is not State.MEASURED:
        return _INSTEAD[entry.state]
    memory = entry.memory
    low_bytes, high_bytes = memory.pss_low_bytes, memory.pss_high_bytes
    scale = context.scale
    if scale.shows_difference(low_bytes, high_bytes):
        return scale.estimate(memory.pss_bytes), WARN if entry.is_partial else DIM
    style = WARN if entry.is_partial else _share_style(entry, context)
    return scale.text(memory.pss_bytes), style


def _share_of(entry: Entry, context: Context) -> float:
    return (entry.memory.pss_bytes or 0) / max(context.total_bytes, 1)


def _share_style(entry: Entry, context: Context) -> Style | None:
    """Return the colour of a share of the total. The column of shares says it in digits."""
    return _style_of(_share_of(entry, context))


def _style_of(share: float) -> Style | None:
    if share < _CONSIDERABLE:
        return None
    return STRONG if share < _LARGE else _LARGE_STYLE


def _share(entry: Entry, _: int, context: Context) -> Span:
    if entry.memory.pss_bytes is None:
        return "", None
    share = _share_of(entry, context)
    per_cent = round(100 * share)
    return (str(per_cent) if per_cent else ""), _style_of(share)


def _growth(entry: Entry, _: int, context: Context) -> Span:
    text = context.scale.change(entry.growth_bytes)
    # Of all that changes, only what matters to the total is to catch the eye.
    if abs(entry.growth_bytes or 0) * 100 < context.total_bytes:
        return text, None
    return text, _GROWS if text.startswith("+") else _SHRINKS


def _peak(entry: Entry, _: int, context: Context) -> Span:
    if entry.is_sum and entry.state is not State.ENDED:
        # When their sum was largest is not known.
        return "", None
    if entry.peak_bounds and context.scale.shows_difference(*entry.peak_bounds):
        return context.scale.estimate(entry.peak_bytes), DIM
    return context.scale.text(entry.peak_bytes), None


def _trend(entry: Entry, width: int, context: Context) -> Span:
    """Return bars up to now: those of all rows at one place are of one time."""
    trend = tuple(entry.trend[-width:])
    top = entry.peak_bytes or max(trend, default=0)
    return _bars(trend, width=width, top=top, ascii_only=context.ascii_only), TREND


_bars: Final = lru_cache(_KEPT)(bars)


def _rss(entry: Entry, _: int, context: Context) -> Span:
    # What processes share counts in each of them: a sum would say nothing.
    if entry.is_sum or entry.state is State.ENDED:
        return "", None
    return context.scale.text(entry.memory.rss_bytes), None


def _of_last_walk(field: str) -> Cell:
    """Return a size that only a walk shows: it is dimmed where PSS has changed since."""

    def cell(entry: Entry, _: int, context: Context) -> Span:
        if entry.state is State.ENDED:
            return "", None
        text = context.scale.text(getattr(entry.memory, field))
        return text, DIM if entry.is_outdated else None

    return cell


_huge_of_one: Final = _of_last_walk("hugetlb_bytes")


def _huge(entry: Entry, width: int, context: Context) -> Span:
    # As with RSS: those that several processes share would count several times.
    return ("", None) if entry.is_sum else _huge_of_one(entry, width, context)


PID: Final = Column("PID", _PID_WIDTH, _pid)
PSS: Final = Column("PSS", WIDTH, _pss, order=Order.PSS)
SHARE: Final = Column("%", _SHARE_WIDTH, _share)
GROWTH: Final = Column("GROW/s", WIDTH, _growth, order=Order.GROWTH)
PEAK: Final = Column("PEAK", WIDTH, _peak, order=Order.PEAK)
USS: Final = Column("USS", WIDTH, _of_last_walk("uss_bytes"))
RSS: Final = Column("RSS", WIDTH, _rss)
SWAP: Final = Column("SWAP", WIDTH, _of_last_walk("swap_pss_bytes"))
HUGE: Final = Column("HUGE", WIDTH, _huge)
TREND_COLUMN: Final = Column("TREND", _LEAST_TREND_WIDTH, _trend)

_ALL: Final = (PID, PSS, SHARE, GROWTH, PEAK, USS, RSS, SWAP, HUGE, TREND_COLUMN)
_DROPPED_FIRST_TO_LAST: Final = (SHARE, RSS, TREND_COLUMN, USS, GROWTH, HUGE, SWAP, PEAK, PID)


def fitting(width: int, *, absent: Sequence[Column] = (), command_lines: bool) -> list[Column]:
    """Return the columns that fit, but for those that would have nothing to show (``absent``).

    Where there is room, names and trends are wider, and command lines have a column of their own,
    the last one, with what is left.
    """
    columns = [column for column in _ALL if column not in absent]
    for column in _DROPPED_FIRST_TO_LAST:
        if _total_width(columns) + _LEAST_NAME_WIDTH <= width:
            break
        if column in columns:
            columns.remove(column)
    spare = width - _total_width(columns) - _LEAST_NAME_WIDTH
    if spare < 0:
        return [name_column(width)]
    return _spread(columns, spare, command_lines=command_lines)


def _spread(columns: list[Column], spare: int, *, command_lines: bool) -> list[Column]:
    """Return the columns with what is left over given to those that can use it."""
    name_width = min(_NAME_WIDTH, _LEAST_NAME_WIDTH + spare)
    spare -= name_width - _LEAST_NAME_WIDTH
    has_command = command_lines and spare > _LEAST_COMMAND_WIDTH
    for_name = spare // 8 if has_command else spare * 2 // 3
    if TREND_COLUMN not in columns:
        for_name = spare
    wider = min(for_name, _MOST_NAME_WIDTH - name_width)
    name_width, spare = name_width + wider, spare - wider
    if TREND_COLUMN in columns:
        for_trend = spare * 2 // 7 if has_command else spare
        wider = min(for_trend, _MOST_TREND_WIDTH - _LEAST_TREND_WIDTH)
        at = columns.index(TREND_COLUMN)
        columns[at] = TREND_COLUMN._replace(width=_LEAST_TREND_WIDTH + wider)
        spare -= wider
    columns.insert(int(PID in columns), name_column(name_width))
    if has_command:
        columns.append(Column("COMMAND", spare - _GAP, _command, is_left=True))
    return columns


def _total_width(columns: Sequence[Column]) -> int:
    return sum(column.width + _GAP for column in columns)


def name_column(width: int) -> Column:
    return Column("NAME", width, _name, is_left=True, order=Order.NAME)
