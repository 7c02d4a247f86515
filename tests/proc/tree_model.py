"""A model of which processes must belong to a tree, built from the processes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memstat.model import ProcessKey
from memstat.proc.tree import Scope
from memstat.testing import FakeProcess
from tests.scopes import adopted_by, scope_of


class TreeModel:
    """A new process joins when its parent belongs, and stays while it lives, wherever it moves."""

    def __init__(self, root: FakeProcess, excluded: int, adopter: int | None) -> None:
        self.excluded = excluded
        self.seen: set[ProcessKey] = set()
        self.parents: dict[ProcessKey, ProcessKey | None] = {}
        self._root = root
        self._adopter = adopter

    @property
    def scope(self) -> Scope:
        return scope_of(
            self._root.key,
            excluded=frozenset({self.excluded}),
            is_orphan=adopted_by(self._adopter),
        )

    def take_in(self, processes: Iterable[FakeProcess]) -> None:
        """Take in all that can be seen now; whoever is not among them has ended."""
        seen = sorted(processes, key=lambda process: process.key.start_ticks)
        self._forget({process.key for process in seen})
        for process in seen:
            if process.key not in self.seen:
                self.seen.add(process.key)
                self._place(process)

    def members(self) -> Iterator[tuple[ProcessKey, int]]:
        """Yield the members in order, and how deep each is."""
        root = self._root.key
        if root in self.parents:
            yield root, 0
            yield from self._below(root, 1)
        # Orphans of unknown ancestors follow the root, one generation below it.
        yield from self._below(None, 1)

    def _forget(self, seen: set[ProcessKey]) -> None:
        for gone in [key for key in self.parents if key not in seen]:
            heir = self.parents.pop(gone)
            for key, parent in self.parents.items():
                if parent == gone:
                    self.parents[key] = heir

    def _place(self, process: FakeProcess) -> None:
        parent = process.parent
        if process.pid == self.excluded or parent is None:
            return
        if parent.key in self.parents:
            self.parents[process.key] = parent.key
        elif process is self._root or parent.pid == self._adopter:
            self.parents[process.key] = None

    def _below(self, parent: ProcessKey | None, depth: int) -> Iterator[tuple[ProcessKey, int]]:
        children = {key for key, its_parent in self.parents.items() if its_parent == parent}
        for key in sorted(children - {self._root.key}, key=lambda key: key.pid):
            yield key, depth
            yield from self._below(key, depth + 1)
