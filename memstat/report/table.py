"""A view as a page for a terminal of a given size. Pure."""

from __future__ import annotations

from typing import Final

from memstat.report import columns as column
from memstat.report.arrange import arrange
from memstat.report.board import View
from memstat.report.columns import Context, fitting, row_line, titles_line
from memstat.report.footer import facts_line, help_lines, total_line
from memstat.report.keys import Scroll
from memstat.report.page import Line, Page
from memstat.report.scale import Scale, scale_for
from memstat.report.view_options import ViewOptions

_USUAL: Final = ViewOptions()
_ROOM_FOR_FACTS: Final = 4
_ROOM_FOR_TITLES: Final = 3


def dashboard(
    view: View,
    options: ViewOptions = _USUAL,
    *,
    width: int,
    height: int,
    ascii_only: bool = False,
) -> Page:
    """Return titles, rows and a footer, in at most ``height`` lines of at most ``width`` columns.

    Where not all processes fit, the largest are shown and the rest is summed up by program. Where
    not all columns fit, they go in this order: share, RSS, trend, USS, growth, huge pages and swap
    (shown only where there are any), peak, PID.
    """
    footer = [total_line(view, width=width, ascii_only=ascii_only)]
    if height >= _ROOM_FOR_FACTS:
        footer.append(facts_line(view, options, width=width, ascii_only=ascii_only))
    room = height - len(footer)
    if options.shows_help:
        is_replay = bool(options.replay_text)
        keys = help_lines(width, room, ascii_only=ascii_only, is_replay=is_replay)
        return Page([*keys, *footer][:height])
    rows, scroll = _rows(view, options, width, room, ascii_only=ascii_only)
    return Page([*rows, *footer][:height], scroll)


def one_line(view: View, *, width: int, ascii_only: bool = False) -> Page:
    """Return the total alone."""
    return Page([total_line(view, width=width, ascii_only=ascii_only)])


def _rows(
    view: View, options: ViewOptions, width: int, room: int, *, ascii_only: bool
) -> tuple[list[Line], Scroll]:
    has_titles = room >= _ROOM_FOR_TITLES - 1
    entries, scroll = arrange(view, options, room - has_titles)
    columns = fitting(width, absent=_absent(view), command_lines=options.has_command_lines)
    scale = _scale_of(view)
    context = Context(
        scale,
        view.total.pss_bytes or 0,
        ascii_only,
        has_command_lines=options.has_command_lines and columns[-1].title != "COMMAND",
    )
    lines = [row_line(columns, entry, context) for entry in entries]
    if has_titles:
        lines.insert(0, titles_line(columns, scale, options.shown_order))
    return lines, scroll


def _absent(view: View) -> list[column.Column]:
    """Return the columns that would show nothing but zeros."""
    memories = [row.sample.memory for row in view.rows]
    absent = []
    if not any(memory.swap_pss_bytes for memory in memories):
        absent.append(column.SWAP)
    if not any(memory.hugetlb_bytes for memory in memories):
        absent.append(column.HUGE)
    return absent


def _scale_of(view: View) -> Scale:
    peak_bytes = view.peak.pss_bytes if view.peak else 0
    return scale_for(max(peak_bytes, view.total.pss_bytes or 0))
