"""The rows that a view could show, in their order: as a tree, or as a list. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from memstat.report.board import ProcessRow
from memstat.report.entries import Entry, by_program, entry_of, sum_of
from memstat.report.view_options import Order, ViewOptions

_SHARED_BY: Final = 3
"""So many rows make it worthwhile to show the process that they are below."""


class Tree:
    """Processes in the order of a tree, of which some are wanted."""

    def __init__(self, rows: Sequence[ProcessRow], text: str) -> None:
        self._rows = rows
        self._wanted = _having(rows, text)
        self.others = _beside(rows, self._wanted)
        """Those that are not."""
        self._parents = parents_of(rows)

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
        parents = self._parents
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

    def shared_ancestors(self, shown: Sequence[int]) -> list[int]:
        """Return which are not shown and above several that are: those of the most first."""
        places = {self._wanted[item] for item in shown}
        counts: Counter[int] = Counter()
        for at in places:
            above = self._parents[at]
            while above is not None and above not in places:
                counts[above] += 1
                above = self._parents[above]
        often = [at for at, count in counts.most_common() if count >= _SHARED_BY]
        items = {at: item for item, at in enumerate(self._wanted)} if often else {}
        return [items[at] for at in often if at in items]

    def rows_beside(self, shown: Iterable[int]) -> list[ProcessRow]:
        """Return the other processes of those that are wanted."""
        return _beside([self._rows[at] for at in self._wanted], shown)


class List:
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

    def shared_ancestors(self, shown: Sequence[int]) -> list[int]:  # noqa: ARG002 - none is above
        return []

    def entries(self, shown: Iterable[int]) -> list[Entry]:
        return [sum_of(*self._items[item]) for item in shown]

    def rows_beside(self, shown: Iterable[int]) -> list[ProcessRow]:
        return [row for _, rows in _beside(self._items, shown) for row in rows]


Listing = Tree | List

T = TypeVar("T")


def _beside(of: Sequence[T], shown: Iterable[int]) -> list[T]:
    """Return what is not at these places."""
    chosen = {*shown}
    return [one for at, one in enumerate(of) if at not in chosen]


def _having(rows: Sequence[ProcessRow], text: str) -> Sequence[int]:
    """Return where the processes are with a text in their name or command line, in any case."""
    if not text:
        return range(len(rows))
    sought = text.casefold()
    samples = [row.sample for row in rows]
    return [
        at
        for at, sample in enumerate(samples)
        if sought in f"{sample.name}\0{sample.command_line or ''}".casefold()
    ]


def listing_of(rows: Sequence[ProcessRow], options: ViewOptions) -> Listing:
    text = options.filter_text
    if not options.shows_list:
        in_order = rows if options.order is Order.TREE else _sorted_tree(rows, options.order)
        return Tree(in_order, text)
    found = _having(rows, text)
    wanted = [rows[at] for at in found]
    if options.is_folded:
        items = sorted(by_program(wanted).items(), key=PROGRAM_KEYS[options.list_order])
        return List(items, _beside(rows, found))
    wanted.sort(key=_keys[options.list_order])
    return List([(row.sample.name, (row,)) for row in wanted], _beside(rows, found))


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


PROGRAM_KEYS: Final = {order: _of_program(order) for order in _keys}


def parents_of(rows: Sequence[ProcessRow]) -> list[int | None]:
    """Return where the parent of each process is; ``None`` for a root.

    It is the nearest one before it that is less deep: rows come depth first.
    """
    parents: list[int | None] = []
    path: list[int | None] = [None]
    depths = [-1]
    for at, depth in enumerate([row.sample.depth for row in rows]):
        while depths[-1] >= depth:
            path.pop()
            depths.pop()
        parents.append(path[-1])
        path.append(at)
        depths.append(depth)
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
