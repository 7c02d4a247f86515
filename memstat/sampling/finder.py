"""Finding the members of a tree at each tick, without listing all processes of the machine.

A listing costs as much as there are processes: 8 ms where there are 4,000. The kernel reports which
PID it gave last (proc_loadavg(5)). While that stays, no process was started; when it has moved a
little, only the numbers in between can be new processes. The processes are listed where that is
cheaper than looking at each of these, where PIDs have begun anew, where the number is not to be
had, and now and then, as PIDs can also be chosen (clone3(2), ``set_tid``).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from memstat.errors import ListingError, UnreadableProcess
from memstat.model import Identity
from memstat.proc.source import ProcSource
from memstat.proc.tree import Node, ProcessTree, Scope, never_orphan
from memstat.sampling.clock import Clock

_LOOK_S: Final = 30e-6
"""What it takes to look at one number."""
_LISTED_AT_LEAST_S: Final = 1.0
_LISTING_SHARE: Final = 0.002
"""The part of a core that listings may take which are made only to be sure."""
_NEVER_S: Final = float("-inf")
_FEW: Final = 8
"""To look at so many numbers takes a fraction of a millisecond."""
_LATE_S: Final = 0.1
"""A process can be seen some microseconds after its number was given, unless the kernel does
something else first."""
_UNDER_WAY: Final = 16
"""So many of the newest PIDs may belong to processes that a listing does not have yet."""


class Found(NamedTuple):
    """The tree at one moment."""

    nodes: tuple[Node, ...]
    missing_reason: str | None = None
    """Why processes may be missing; ``None`` when none are."""
    identities: Mapping[int, Identity | None] = MappingProxyType({})
    """Those that were looked at for the first time, by PID."""


class Finder:
    """Finds the members of a tree again and again. Any thread may call it."""

    def __init__(self, source: ProcSource, scope: Scope, clock: Clock = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._tree = ProcessTree(scope) if scope.recursive else None
        self._most_at_once = _FEW if scope.is_orphan is never_orphan else 0
        """So many numbers are looked at at once: which process is an orphan may have to be waited
        for."""
        self._targets = tuple(Node(key, "", 0) for key in dict.fromkeys(scope.roots))
        self._lock = threading.Lock()
        self._newest: int | None = None
        self._late: dict[int, float] = {}
        """Numbers that were given, but belonged to no process yet, or to none any more; and until
        when to look at them."""
        self._has_listed = False
        self._listed_s = _NEVER_S
        """When the last listing was; a listing is due at once where that is so long ago."""
        self._listing_s = 0.0
        self._missing_reason: str | None = None

    def find(self) -> Found:
        """Return the members of the tree now, by a listing; the targets alone when not recursive.

        Raises TooManyDescriptors; where a listing fails otherwise, these are those of the last one.
        """
        return self._found(self._list)

    def catch_up(self) -> Found:
        """Return the same, by what has started since: of those that ended, the reader knows."""
        return self._found(self._look_for_newcomers)

    def _found(self, look: Callable[[ProcessTree, int | None], Found]) -> Found:
        if self._tree is None:
            return Found(self._targets)
        with self._lock:
            try:
                return look(self._tree, self._source.newest_pid())
            except ListingError as error:
                self._listed_s = _NEVER_S
                # Not yet listed once, the targets at least are known.
                known = self._tree.members() if self._has_listed else self._targets
                return Found(known, str(error))

    def members(self) -> tuple[Node, ...]:
        """Return the members as of the last time, without those removed since."""
        return self._targets if self._tree is None else self._tree.members()

    def catch_up_quickly(self) -> Found | None:
        """Return the same where that is a look at a few numbers at most; ``None`` where it is not.

        It waits for nothing, so that an event loop may call it.
        """
        tree = self._tree
        if tree is None:
            return Found(self._targets)
        if self._is_listing_due() or not self._lock.acquire(blocking=False):
            return None
        try:
            newcomers = self._newcomers(tree, self._source.newest_pid(), at_most=self._most_at_once)
            if newcomers is None:
                return None
            if tree.add(newcomers):
                self._listed_s = _NEVER_S
                return None
            return Found(tree.members(), None, newcomers)
        finally:
            self._lock.release()

    def remove(self, pid: int) -> bool:
        """Take out a process that has ended; whether that is done here, and not by the reader."""
        if self._tree is None:
            return False
        with self._lock:
            self._tree.remove(pid)
        return True

    def arrivals(self) -> Sequence[Identity] | None:
        """Return the processes that have started since the last look and still live.

        ``None`` when no process was started at all, or none that would be measured.
        """
        newest = self._newest
        is_same = newest is not None and newest == self._source.newest_pid()
        if self._tree is None or (is_same and not self._late):
            return None
        with self._lock:
            try:
                unseen = (
                    # One that had its number at the last look may be seen only now. A thread has
                    # the family of its process, and is no arrival.
                    [number for number in self._late if not self._source.is_thread(number)]
                    if is_same
                    else self._tree.unseen(self._source.list_processes())
                )
            except ListingError:
                return ()
            identities, _ = self._identify(unseen)
        return [identity for identity in identities.values() if identity is not None]

    def _look_for_newcomers(self, tree: ProcessTree, newest: int | None) -> Found:
        if not self._is_listing_due():
            newcomers = self._newcomers(tree, newest)
            if newcomers is not None and not tree.add(newcomers):
                return Found(tree.members(), self._missing_reason, newcomers)
        return self._list(tree, newest)

    def _is_listing_due(self) -> bool:
        period_s = max(_LISTED_AT_LEAST_S, self._listing_s / _LISTING_SHARE)
        return self._clock() - self._listed_s > period_s or self._missing_reason is not None

    def _newcomers(
        self, tree: ProcessTree, newest: int | None, *, at_most: float = math.inf
    ) -> dict[int, Identity] | None:
        """Return the processes among the numbers that were given since; ``None``: list instead.

        Likewise where there are more numbers than ``at_most``.
        """
        before = self._newest
        if newest is None or before is None or newest < before:
            return None
        numbers = [*self._late, *range(before + 1, newest + 1)]
        if len(numbers) > at_most or len(numbers) * _LOOK_S > self._listing_s:
            return None
        found: dict[int, Identity] = {}
        absent = set()
        for number in numbers:
            try:
                identity = self._source.identify(number)
            except UnreadableProcess:
                return None
            if identity is None:
                absent.add(number)
            elif not self._is_thread(identity, tree, found):
                found[number] = identity
        self._newest = newest
        self._await(absent)
        return found

    def _await(self, absent: Iterable[int]) -> None:
        """Look at these numbers again for a while: one is given before its process can be seen."""
        now_s = self._clock()
        until_s = {number: self._late.get(number, now_s + _LATE_S) for number in sorted(absent)}
        self._late = {number: end_s for number, end_s in until_s.items() if end_s > now_s}

    def _is_thread(
        self, identity: Identity, tree: ProcessTree, found: Mapping[int, Identity]
    ) -> bool:
        """Whether it is a thread, where that matters: it would look like a member."""
        matters = identity.ppid in found or tree.concerns(identity)
        return matters and self._source.is_thread(identity.pid)

    def _list(self, tree: ProcessTree, newest: int | None) -> Found:
        """List, and place all that is new."""
        listing: Mapping[int, int] = {}
        identities: dict[int, Identity | None] = {}
        failures: dict[int, str] = {}
        for _ in range(2):
            began_s = self._clock()
            listing = self._source.list_processes()
            self._listed_s = self._clock()
            self._listing_s = self._listed_s - began_s
            self._has_listed = True
            identities, failures = self._identify(tree.unseen(listing))
            if not tree.update(listing, identities, failures):
                break
        if newest is not None:
            self._await({*self._given_lately(newest), *self._late} - listing.keys())
            if self._newest is not None and newest < self._newest:
                # The largest may be under way as well: list once more.
                self._listed_s = _NEVER_S
        self._newest = newest
        self._missing_reason = next(iter(failures.values()), self._source.missing_reason)
        return Found(tree.members(), self._missing_reason, identities)

    def _given_lately(self, newest: int) -> Iterable[int]:
        """Return the newest numbers that were given since the last look."""
        first, before = newest - _UNDER_WAY + 1, self._newest
        if before is not None and before <= newest:
            first = max(first, before + 1)
        return range(first, newest + 1)

    def _identify(self, pids: Iterable[int]) -> tuple[dict[int, Identity | None], dict[int, str]]:
        """Return the identities of PIDs, and of those that could not be read why not."""
        identities: dict[int, Identity | None] = {}
        failures: dict[int, str] = {}
        for pid in pids:
            try:
                identities[pid] = self._source.identify(pid)
            except UnreadableProcess as error:
                failures[pid] = str(error)
        return identities, failures
