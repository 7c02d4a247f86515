"""Which process descends from which. Pure: takes what was seen, returns which ones belong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple

from memstat.model import Identity, ProcessKey

_UNKNOWN_START: Final = -1
"""The start time of a process that could not be identified."""
_UNLISTED: Final = -1
"""Stands for the inode of a process that no listing had yet."""


def never_orphan(_: Identity) -> bool:
    """Return False: for trees without a subreaper."""
    return False


class Scope(NamedTuple):
    """Which processes are measured, and how much of them is read."""

    roots: tuple[ProcessKey, ...]
    """The targets."""
    recursive: bool = True
    """Whether their descendants belong too."""
    excluded: frozenset[int] = frozenset()
    """PIDs that never belong."""
    is_orphan: Callable[[Identity], bool] = never_orphan
    """Whether a process outside the tree is a descendant that lost its parents unseen."""
    command_lines: bool = False
    """Whether the samples hold the command lines."""


class Node(NamedTuple):
    """A member of the tree and its place in it."""

    key: ProcessKey
    name: str
    """Its name when it was first seen."""
    depth: int
    """Generations below its target; 1 for an orphan of unknown ancestors."""


class ProcessTree:
    """The targets and, while they live, all descendants of them that were ever seen.

    A listing is PID -> inode of its ``/proc`` entry. The inode is new for every process, so a
    recycled PID is known without reading anything. It may also change for the same process (the
    kernel may drop it when memory is short), which does no harm.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._roots = frozenset(scope.roots)
        self._inodes: dict[int, int] = {}
        self._starts: dict[int, int] = {}
        self._names: dict[int, str] = {}
        self._parents: dict[int, int | None] = {}
        self._open: dict[int, int] = {}
        self._failed: Collection[int] = ()
        self._order: tuple[Node, ...] | None = ()

    def unseen(self, listing: Mapping[int, int]) -> list[int]:
        """Return the PIDs of a listing that ``update`` needs identified."""
        if listing == self._inodes:
            return []
        return [pid for pid, inode in listing.items() if self._inodes.get(pid) != inode]

    def update(
        self,
        listing: Mapping[int, int],
        identities: Mapping[int, Identity | None],
        failed: Collection[int] = (),
    ) -> bool:
        """Take in a listing and the identities of its unseen PIDs (``None``: not known).

        PIDs that ``failed`` to be read are unseen again in the next listing, and so are their
        children until then.

        Returns whether some could not be placed yet, since their parent was not listed: list once
        more.
        """
        self._forget(self._inodes.keys() - listing.keys())
        return self._take_in(identities, listing, failed)

    def add(self, identities: Mapping[int, Identity]) -> bool:
        """Take in processes that have started since, without a listing; returns as ``update``."""
        return self._take_in(identities, {}, ())

    def remove(self, pid: int) -> None:
        """Take out a process that has ended, without a listing."""
        if pid in self._inodes:
            self._forget([pid])

    def concerns(self, identity: Identity) -> bool:
        """Whether this process would belong to the tree, were it no mere thread."""
        return identity.ppid in self._parents or self._scope.is_orphan(identity)

    def _take_in(
        self,
        identities: Mapping[int, Identity | None],
        listing: Mapping[int, int],
        failed: Collection[int],
    ) -> bool:
        self._forget([pid for pid, seen in identities.items() if self._is_another(pid, seen)])
        fresh: dict[int, Identity] = {}
        for pid, identity in identities.items():
            self._inodes[pid] = listing.get(pid, _UNLISTED)
            if identity is None:
                self._starts[pid] = _UNKNOWN_START
            elif pid not in self._starts:
                fresh[pid] = identity
        was_open, self._open, self._failed = self._open, {}, failed
        while fresh:
            self._settle(fresh, was_open)
        return bool(self._open)

    def members(self) -> tuple[Node, ...]:
        """Return the tree depth first, children in PID order."""
        if self._order is None:
            self._order = tuple(self._walk())
        return self._order

    def _is_another(self, pid: int, identity: Identity | None) -> bool:
        known = self._starts.get(pid)
        return known is not None and (identity is None or identity.start_ticks != known)

    def _forget(self, dead: Collection[int]) -> None:
        if not self._parents.keys().isdisjoint(dead):
            self._order = None
            for pid in self._parents:
                # The children of a member that ended stay in the tree, one generation up.
                while (parent := self._parents[pid]) is not None and parent in dead:
                    self._parents[pid] = self._parents[parent]
        for pid in dead:
            del self._inodes[pid]
            self._starts.pop(pid, None)
            self._names.pop(pid, None)
            self._parents.pop(pid, None)

    def _settle(self, fresh: dict[int, Identity], was_open: Mapping[int, int]) -> None:
        """Place one process, and before it every ancestor of it that is not yet placed."""
        _, identity = fresh.popitem()
        line = [identity]
        while (parent := fresh.pop(line[-1].ppid, None)) is not None:
            line.append(parent)
        for identity in reversed(line):
            if self._place(identity, was_open.get(identity.pid)):
                self._starts[identity.pid] = identity.start_ticks
            else:
                # Unknown still: the next listing has it as unseen again.
                self._open[identity.pid] = identity.ppid
                del self._inodes[identity.pid]

    def _place(self, identity: Identity, ppid_when_open: int | None) -> bool:
        """Let a process join or stay outside; False when its parent is not known yet."""
        pid, ppid, start = identity.pid, identity.ppid, identity.start_ticks
        # A parent younger than its child has a recycled PID: the child's own has ended. One that
        # could not be identified may have ended as well, and left the child to an adopter.
        has_parent = _UNKNOWN_START < self._starts.get(ppid, _UNKNOWN_START) <= start
        if pid in self._scope.excluded:
            return True
        if has_parent and ppid in self._parents:
            return self._join(identity, ppid)
        key = ProcessKey(pid, start)
        if key in self._roots or self._scope.is_orphan(identity):
            return self._join(identity, None)
        if ppid in self._failed and not has_parent:
            return False
        # Parents of other PID namespaces (0) and hidden ones are never listed.
        return has_parent or ppid in (0, ppid_when_open)

    def _join(self, identity: Identity, parent: int | None) -> bool:
        self._names[identity.pid] = identity.name
        self._parents[identity.pid] = parent
        self._order = None
        return True

    def _walk(self) -> Iterable[Node]:
        children: dict[int | None, list[int]] = {}
        for pid in sorted(self._parents, reverse=True):
            children.setdefault(self._parents[pid], []).append(pid)
        # Targets first: an orphan that outlived its parents stands below them, not among them.
        top = sorted(children.get(None, ()), key=self._is_root)
        waiting = [(pid, 0 if self._is_root(pid) else 1) for pid in top]
        while waiting:
            pid, depth = waiting.pop()
            yield Node(ProcessKey(pid, self._starts[pid]), self._names[pid], depth)
            waiting += [(child, depth + 1) for child in children.get(pid, ())]

    def _is_root(self, pid: int) -> bool:
        return ProcessKey(pid, self._starts[pid]) in self._roots
