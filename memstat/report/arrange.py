"""Which rows a view has in a given room, and in which order. Pure.

Every process that is alive is in exactly one row: in its own, or in one that sums up its program or
the rest. So the sizes of the rows add up to the total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from memstat.report.board import ProcessRow, View
from memstat.report.entries import Entry, by_program, ended_entries, entry_of, kind_of, sum_of
from memstat.report.keys import Scroll
from memstat.report.view_options import Order, ViewOptions
from memstat.text import plural

_PART_FOR_ENDED: Final = 5
_PART_FOR_REST: Final = 4
_PART_FOR_ROOTS: Final = 3


class Arrangement(NamedTuple):
    """The rows of a page."""

    entries: Sequence[Entry]
    scroll: Scroll


def arrange(view: View, options: ViewOptions, room: int) -> Arrangement:
    """Return at most ``room`` rows.

    Where there are more processes: the largest, the root of a tree first of all, and the rest
    summed up by program. Processes that have ended never take the room of living ones.
    """
    listed = _listed(view.rows, options)
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


class _Tree:
    """Processes in the order of a tree, of which some are wanted."""

    def __init__(self, rows: Sequence[ProcessRow], text: str) -> None:
        self._rows = rows
        self._wanted = [at for at, row in enumerate(rows) if _has(row, text)]
        self.others = _beside(rows, self._wanted)
        """Those that are not."""

    def __len__(self) -> int:
        return len(self._wanted)

    @property
    def ranks(self) -> Sequence[int]:
        return [self._rows[at].rank_bytes for at in self._wanted]

    @property
    def roots(self) -> Sequence[int]:
        return [item for item, at in enumerate(self._wanted) if self._rows[at].sample.depth == 0]

    def entries(self, shown: Iterable[int]) -> list[Entry]:
        """Return rows below their nearest ancestor that is shown.

        They have a mark where others lie between.
        """
        parents = parents_of(self._rows)
        depths: dict[int, int] = {}
        entries = []
        for at in [self._wanted[item] for item in shown]:
            above = parents[at]
            while above is not None and above not in depths:
                above = parents[above]
            depths[at] = 0 if above is None else depths[above] + 1
            has_gap = above != parents[at]
            entries.append(entry_of(self._rows[at], depth=depths[at], has_gap=has_gap))
        return entries

    def rows_beside(self, shown: Iterable[int]) -> list[ProcessRow]:
        """Return the other processes of those that are wanted."""
        return _beside([self._rows[at] for at in self._wanted], shown)


class _List:
    """Processes or programs, each with the processes that belong to it, in their order."""

    roots: Final[Sequence[int]] = ()

    def __init__(
        self,
        items: Sequence[tuple[str, Sequence[ProcessRow]]],
        others: Sequence[ProcessRow],
    ) -> None:
        self._items = items
        self.others = others

    def __len__(self) -> int:
        return len(self._items)

    @property
    def ranks(self) -> Sequence[int]:
        # The first ones are shown, whatever they are sorted by.
        return range(0, -len(self), -1)

    def entries(self, shown: Iterable[int]) -> list[Entry]:
        return [sum_of(*self._items[item]) for item in shown]

    def rows_beside(self, shown: Iterable[int]) -> list[ProcessRow]:
        return [row for _, rows in _beside(self._items, shown) for row in rows]


_Listed = _Tree | _List

T = TypeVar("T")


def _beside(of: Sequence[T], shown: Iterable[int]) -> list[T]:
    """Return what is not at these places."""
    chosen = {*shown}
    return [one for at, one in enumerate(of) if at not in chosen]


def _has(row: ProcessRow, text: str) -> bool:
    """Whether a process has a text in its name or command line, in any case."""
    if not text:
        return True
    return text.casefold() in f"{row.sample.name}\0{row.sample.command_line or ''}".casefold()


def _listed(rows: Sequence[ProcessRow], options: ViewOptions) -> _Listed:
    text = options.filter_text
    if not options.shows_list:
        in_order = rows if options.order is Order.TREE else _sorted_tree(rows, options.order)
        return _Tree(in_order, text)
    found = [at for at, row in enumerate(rows) if _has(row, text)]
    wanted = [rows[at] for at in found]
    if options.is_folded:
        items = sorted(by_program(wanted).items(), key=_program_keys[options.list_order])
        return _List(items, _beside(rows, found))
    wanted.sort(key=_keys[options.list_order])
    return _List([(row.sample.name, (row,)) for row in wanted], _beside(rows, found))


_keys: Final[Mapping[Order, Callable[[ProcessRow], Any]]] = {
    Order.PSS: lambda row: -row.rank_bytes,
    Order.PEAK: lambda row: -(row.peak_bytes or 0),
    Order.GROWTH: lambda row: -(row.growth_bytes or 0),
    Order.NAME: lambda row: row.sample.name.casefold(),
}


def _of_program(order: Order) -> Callable[[tuple[str, Sequence[ProcessRow]]], Any]:
    key = _keys[order]
    if order is Order.NAME:
        return lambda item: item[0].casefold()
    if order is Order.PEAK:
        # The peak of a program is not known; the largest of its processes stands for it.
        return lambda item: min(map(key, item[1]))
    return lambda item: sum(map(key, item[1]))


_program_keys: Final = {order: _of_program(order) for order in _keys}


def parents_of(rows: Sequence[ProcessRow]) -> list[int | None]:
    """Return where the parent of each process is; ``None`` for a root.

    It is the nearest one before it that is less deep: rows come depth first.
    """
    parents: list[int | None] = []
    path: list[int] = []
    for at, row in enumerate(rows):
        depth = row.sample.depth
        while path and rows[path[-1]].sample.depth >= depth:
            path.pop()
        parents.append(path[-1] if path else None)
        path.append(at)
    return parents


def _sorted_tree(rows: Sequence[ProcessRow], order: Order) -> Sequence[ProcessRow]:
    """Return the same tree with siblings sorted by their processes and those below them."""
    parents = parents_of(rows)
    children: dict[int | None, list[int]] = {}
    for at, parent in enumerate(parents):
        children.setdefault(parent, []).append(at)
    values = [_keys[order](row) for row in rows]
    if order is not Order.NAME:
        combine = min if order is Order.PEAK else int.__add__
        for at in range(len(rows) - 1, -1, -1):
            if (parent := parents[at]) is not None:
                values[parent] = combine(values[parent], values[at])
    in_order: list[ProcessRow] = []
    left: list[int | None] = [None]
    while left:
        next_at = left.pop()
        if next_at is not None:
            in_order.append(rows[next_at])
        left += sorted(children.get(next_at, ()), key=values.__getitem__)[::-1]
    return in_order


def _largest(listed: _Listed, room: int, others: Sequence[ProcessRow]) -> list[int]:
    """Return which rows are shown, in their order, where there is no room for all."""
    roots = listed.roots if len(listed.roots) <= room // _PART_FOR_ROOTS else listed.roots[:1]
    by_rank = sorted(range(len(listed)), key=listed.ranks.__getitem__, reverse=True)
    order = [*roots, *(item for item in by_rank if item not in roots)] if roots else by_rank
    most_for_rest = max(1, room // _PART_FOR_REST) if room > 1 else 0
    shown = sorted(order[: room - most_for_rest])
    # As many rows for the rest as it has programs, at most.
    kinds = {kind_of(row.sample.name) for row in listed.rows_beside(shown)}
    return sorted(order[: room - min(most_for_rest, len(kinds) + bool(others))])


def _rest(
    listed: _Listed, shown: Sequence[int], room: int, others: Sequence[ProcessRow]
) -> list[Entry]:
    """Return sums of what is not shown: of the largest programs, and of all others."""
    programs = by_program(listed.rows_beside(shown))
    if room <= 0:
        return []
    groups = sorted(programs.items(), key=_program_keys[Order.PSS])
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


def _scrolled(listed: _Listed, first: int, room: int) -> tuple[Sequence[int], Scroll]:
    """Return the rows from one on, below the root of a tree; there is one more for the others."""
    page = max(1, room - 1)
    first = max(0, min(first, len(listed) - page))
    shown = [*range(first, first + page)]
    if first > 0 and page > 1:
        shown = [*listed.roots[:1], *shown[len(listed.roots[:1]) :]]
    return shown[:room], Scroll(first, page, len(listed))
