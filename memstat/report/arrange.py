"""Which rows a view has in a given room, and in which order. Pure.

Every process that is alive is in exactly one row: in its own, or in one that sums up its program or
the rest. So the sizes of the rows add up to the total.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from memstat.report.board import ProcessRow, View
from memstat.report.entries import Entry, by_program, ended_entries, kind_of, sum_of
from memstat.report.keys import Scroll
from memstat.report.listing import PROGRAM_KEYS, Listing, listing_of
from memstat.report.view_options import Order, ViewOptions
from memstat.text import plural

_PART_FOR_ENDED: Final = 5
_PART_FOR_REST: Final = 4
_PART_FOR_ROOTS: Final = 3
_PART_FOR_ANCESTORS: Final = 4


class Arrangement(NamedTuple):
    """The rows of a page."""

    entries: Sequence[Entry]
    scroll: Scroll


def arrange(view: View, options: ViewOptions, room: int) -> Arrangement:
    """Return at most ``room`` rows.

    Where there are more processes: the largest, the root of a tree first of all, and the rest
    summed up by program. Processes that have ended never take the room of living ones.
    """
    listed = listing_of(view.rows, options)
    others = listed.others
    all_fit = len(listed) + bool(others) <= room
    if all_fit:
        entries = [*listed.entries(range(len(listed))), *_others(others)]
        scroll = Scroll(0, len(listed), len(listed))
    elif options.first is None:
        shown = _largest(listed, room, others)
        entries = [*listed.entries(shown), *_rest(listed, shown, room - len(shown), others)]
        scroll = Scroll(0, len(shown), len(listed))
    else:
        page, scroll = _scrolled(listed, options.first, room)
        left_out = [*listed.rows_beside(page), *others]
        entries = [*listed.entries(page), *_others(left_out)]
    spare = min(max(1, room // _PART_FOR_ENDED), room - len(entries)) if all_fit else 0
    return Arrangement([*entries, *ended_entries(view.ended, spare)], scroll)


def _largest(listed: Listing, room: int, others: Sequence[ProcessRow]) -> list[int]:
    """Return which rows are shown, in their order, where there is no room for all."""
    roots = listed.roots if len(listed.roots) <= room // _PART_FOR_ROOTS else listed.roots[:1]
    by_rank = sorted(range(len(listed)), key=listed.ranks.__getitem__, reverse=True)
    order = [*roots, *(item for item in by_rank if item not in roots)] if roots else by_rank
    most_for_rest = max(1, room // _PART_FOR_REST) if room > 1 else 0
    shown = _with_ancestors(listed, order, room - most_for_rest)
    # As many rows for the rest as it has programs, at most.
    kinds = {kind_of(row.sample.name) for row in listed.rows_beside(shown)}
    for_rest = min(most_for_rest, len(kinds) + bool(others))
    if for_rest < most_for_rest:
        shown = _with_ancestors(listed, order, room - for_rest)
    return sorted(shown)


def _with_ancestors(listed: Listing, order: Sequence[int], count: int) -> Sequence[int]:
    """Return the first ones, the last of them in exchange for processes above several others."""
    shown = order[:count]
    above = listed.shared_ancestors(shown)[: count // _PART_FOR_ANCESTORS]
    return [*shown[: count - len(above)], *above]


def _rest(
    listed: Listing, shown: Sequence[int], room: int, others: Sequence[ProcessRow]
) -> list[Entry]:
    """Return sums of what is not shown: of the largest programs, and of all others."""
    programs = by_program(listed.rows_beside(shown))
    if room <= 0:
        return []
    groups = sorted(programs.items(), key=PROGRAM_KEYS[Order.PSS])
    alone = room if len(groups) + bool(others) <= room else room - 1
    sums = [sum_of(name, rows, is_rest=True) for name, rows in groups[:alone]]
    left_out = [row for _, rows in groups[alone:] for row in rows]
    return [*sums, *_others([*left_out, *others])]


def _others(rows: Sequence[ProcessRow]) -> list[Entry]:
    """Return one row for all of these, if there are any."""
    if not rows:
        return []
    name = plural(len(rows), "other", "others")
    return [sum_of(name, rows, is_rest=True)._replace(members=1)]


def _scrolled(listed: Listing, first: int, room: int) -> tuple[Sequence[int], Scroll]:
    """Return the rows from one on, below the root of a tree; there is one more for the others."""
    page = max(1, room - 1)
    first = max(0, min(first, len(listed) - page))
    shown = [*range(first, first + page)]
    if first > 0 and page > 1:
        shown = [*listed.roots[:1], *shown[len(listed.roots[:1]) :]]
    return shown[:room], Scroll(first, page, len(listed))
