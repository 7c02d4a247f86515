"""The lines below the rows: the total, what a reader must know to trust it, and keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.cells import cell_len
from rich.style import Style

from memstat.report.board import View
from memstat.report.estimates import peak_bracket, pss_text, reads_as_estimate
from memstat.report.keys import HELP, REPLAY_HELP
from memstat.report.page import DIM, STRONG, TREND, WARN, Line, Span, cut, in_ascii
from memstat.report.trend import bars
from memstat.report.view_options import Order, ViewOptions
from memstat.text import plural, printable
from memstat.units import format_duration, format_elapsed, format_percent, format_size

_SIZE_WIDTH: Final = 8
_TOTAL_WIDTH: Final = _SIZE_WIDTH + 1
"""With the mark of an estimate."""
_GAP: Final = "  "
_KEYS: Final = "q quit  s sort  ? keys"
_FEW_KEYS: Final = "? keys"
_ROOM_FOR_KEYS: Final = 70
_HELP_WIDTH: Final = 20
_LEGEND: Final = (
    "~       an estimate, dimmed: its pages were not walked just now",
    "GROW/s  in the last full second",
    "PEAK    its largest PSS; of processes that have ended, of one",
    "TREND   the largest in each half second, up to now",
    "…       others between a process and the row above, or the rest",
)


def total_line(view: View, *, width: int, ascii_only: bool = False) -> Line:
    """Return the total, the running peak, when it was and its bounds, and the trend."""
    total = f"Total {_total_text(view):>{_TOTAL_WIDTH}}"
    style = WARN + STRONG if view.is_torn or view.unreadable else STRONG
    peak = view.peak
    if peak is None:
        return cut([(total, style)], width)
    when = f"peak {format_size(peak.pss_bytes):>{_SIZE_WIDTH}} at {format_elapsed(peak.elapsed_s)}"
    parts = ((total, style), (when, STRONG), (peak_bracket(peak) or "", STRONG))
    spans = _fitting(filter(_says_anything, parts), width) or [(total, style)]
    room = width - sum(len(text) for text, _ in spans) - len(_GAP)
    if room > 0:
        trend = bars(view.trend, width=room, top=peak.pss_bytes, ascii_only=ascii_only)
        spans.append((f"{_GAP}{trend}", TREND))
    return cut(spans, width)


def _total_text(view: View) -> str:
    """Return the total; one that may be wrong is marked as an estimate is."""
    text = pss_text(view.total)
    return f"~{text}" if view.is_torn and text[0] not in "~?" else text


def facts_line(view: View, options: ViewOptions, *, width: int, ascii_only: bool = False) -> Line:
    """Return what else is to be known, as far as there is room, and the keys at its end."""
    text = printable(options.filter_text)
    sought = f"filter: {in_ascii(text) if ascii_only else text}"
    if options.is_filter_edited:
        prompt = f"{sought}_"
        hint = "Enter keeps it, Esc clears it"
        return cut(_fitting([(prompt, STRONG), (hint, STRONG)], width) or [(prompt, STRONG)], width)
    keys = (_KEYS if width >= _ROOM_FOR_KEYS else _FEW_KEYS) if options.has_keys else ""
    room = width - len(keys) - len(_GAP) if keys else width
    spans = _fitting([*_states(options, sought), *_facts(view)], room)
    if keys:
        used = sum(cell_len(text) for text, _ in spans)
        spans.append((" " * (width - len(keys) - used) + keys, STRONG))
    return cut(spans, width)


def _states(options: ViewOptions, sought: str) -> Iterator[Span]:
    """Yield in which way it is not shown as usual."""
    if options.replay_text:
        yield options.replay_text, STRONG
    if options.is_paused:
        yield "paused", WARN
    if options.filter_text:
        yield sought, STRONG
    order = options.shown_order
    if order is not Order.TREE:
        yield f"by {order if order in (Order.NAME, Order.PEAK, Order.GROWTH) else 'PSS'}", None


def _facts(view: View) -> Iterator[Span]:
    stats = view.stats
    when = format_elapsed(view.elapsed_s)
    facts: list[Span] = [
        (f"partial: {view.unreadable} unreadable" if view.unreadable else "", WARN),
        (view.beside_pss or "", None),
        (f"at the peak, {when}" if view.is_peak else when, DIM),
        (plural(len(view.rows), "process", "processes"), DIM),
        (plural(stats.samples, "sample", "samples"), DIM),
        (f"{stats.missed_ticks} missed" if stats.missed_ticks else "", DIM),
        (_walk(view), DIM),
        (f"cost {format_percent(stats.held_share)}" if stats.held_share else "", DIM),
        (f"{stats.torn_samples} uncertain" if stats.torn_samples else "", _torn_style(view)),
        (f"sweep {format_duration(stats.sweep_median_s)}" if stats.sweep_median_s else "", DIM),
    ]
    return filter(_says_anything, facts)


def _says_anything(span: Span) -> bool:
    return bool(span[0])


def _torn_style(view: View) -> Style:
    return WARN if view.is_torn else DIM


def _walk(view: View) -> str:
    """Return how old the walk is that an estimate began with; nothing where there is none."""
    if not view.walk_age_s or not reads_as_estimate(view.total):
        return ""
    return f"walked {format_elapsed(view.walk_age_s)} {'before' if view.is_peak else 'ago'}"


def _fitting(facts: Iterable[Span], width: int) -> list[Span]:
    """Return the facts that fit whole, up to the first that does not."""
    spans: list[Span] = []
    used = 0
    for text, style in facts:
        gap = _GAP if spans else ""
        used += len(gap) + cell_len(text)
        if used > width:
            break
        spans.append((gap + text, style))
    return spans


def help_lines(
    width: int, room: int, *, ascii_only: bool = False, is_replay: bool = False
) -> list[Line]:
    """Return the keys, in as many columns as they need, and what signs mean if there is room."""
    keys = (*HELP, *REPLAY_HELP) if is_replay else HELP
    lines = [f"{key:<6}{what}" for key, what in keys]
    columns = min(max(1, width // _HELP_WIDTH), -(-len(lines) // max(1, room)))
    per_column = -(-len(lines) // columns)
    column_width = width // columns
    joined = [
        "".join(f"{text[: column_width - 1]:<{column_width}}" for text in lines[at::per_column])
        for at in range(per_column)
    ]
    legend = [line.replace("…", "...") if ascii_only else line for line in _LEGEND]
    if len(joined) + 1 + len(legend) <= room:
        joined += ["", *legend]
    return [cut([(text, None)], width) for text in joined[:room]]
