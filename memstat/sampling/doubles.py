"""Processes that use one address space between them: it counts once.

clone(2) with CLONE_VM makes a process that uses the memory of another. A child of vfork(2) does so
until its ``execve``, which the reader of the child sees. Here are those that are no parent and
child: made with CLONE_PARENT as well, or of a parent that has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cmp_to_key
from itertools import pairwise
from typing import Final

from memstat.model import ProcessKey
from memstat.sampling.tracked import Tracked

_FEW: Final = 16
"""Of a larger family, only members of the same size are compared."""

Compare = Callable[[int, int], int | None]
"""Orders two processes by their address spaces: 0 for the same; ``None`` where it is not known."""


class Doubles:
    """Which processes use the address space of another, from sweep to sweep."""

    def __init__(self, compare: Compare) -> None:
        self._compare = compare
        self._seen: list[Tracked] = []
        self._families: list[int] = []
        self._lenders: dict[ProcessKey, Tracked] = {}

    def mark(self, tracked: Iterable[Tracked]) -> None:
        """Let those that use the memory of another have none of their own."""
        seen = [one for one in tracked if one.glance is not None]
        families = [one.family for one in seen]
        if seen != self._seen or families != self._families:
            before = dict(zip(self._keys(), self._families, strict=True))
            self._seen, self._families = seen, families
            now = dict(zip(self._keys(), families, strict=True))
            fresh = {key for key, family in now.items() if before.get(key) != family}
            self._lenders = {
                key: lender
                for key, lender in self._lenders.items()
                if key in now and lender.node.key in now
            }
            self._lenders |= self._found(seen, fresh)
        for one in seen if self._lenders else ():
            lender = self._lenders.get(one.node.key)
            # The one that lent it may have called execve: then it is this one's alone.
            if lender is not None and lender.glance is not None and lender.family == one.family:
                one.borrow()

    def _keys(self) -> Iterator[ProcessKey]:
        return (one.node.key for one in self._seen)

    def _found(self, seen: Sequence[Tracked], fresh: set[ProcessKey]) -> dict[ProcessKey, Tracked]:
        lenders: dict[ProcessKey, Tracked] = {}
        for group in _groups(seen):
            if len(group) > 1 and any(one.node.key in fresh for one in group):
                for first, second in self._same(group):
                    lenders[second.node.key] = lenders.get(first.node.key, first)
        return lenders

    def _same(self, group: Sequence[Tracked]) -> Iterator[tuple[Tracked, Tracked]]:
        """Yield the pairs that use one address space."""
        is_known = True

        def compared(one: Tracked, other: Tracked) -> int | None:
            return self._compare(one.node.key.pid, other.node.key.pid)

        def order(one: Tracked, other: Tracked) -> int:
            nonlocal is_known
            found = compared(one, other)
            is_known = is_known and found is not None
            return found or 0

        ordered = sorted(group, key=cmp_to_key(order))
        if is_known:
            # Once more, and where it is known: one that has ended since is the double of none.
            yield from (pair for pair in pairwise(ordered) if compared(*pair) == 0)


def _groups(seen: Iterable[Tracked]) -> Iterable[Sequence[Tracked]]:
    """Return those that may use one address space: of one family, and of one size."""
    families: dict[int, list[Tracked]] = {}
    for one in seen:
        families.setdefault(one.family, []).append(one)
    for family in families.values():
        if len(family) <= _FEW:
            yield family
            continue
        sizes: dict[int, list[Tracked]] = {}
        for one in family:
            sizes.setdefault(one.rss_bytes, []).append(one)
        yield from sizes.values()
