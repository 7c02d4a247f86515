"""What a sweep makes of its glances and walks: the sizes of each process, and of all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import is_
from typing import Final

from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus
from memstat.proc.source import Glance, WalkedPages
from memstat.sampling.budget import Budget
from memstat.sampling.ledger import Bounds, Ledger
from memstat.sampling.policy import Policy
from memstat.sampling.rows import Row, Rows
from memstat.sampling.sums import RunningSum
from memstat.sampling.tracked import Tracked

_LIVED_S: Final = 1.0
"""Of a process that is younger, no share of its time is stated."""
_UNKNOWN: Final = -1
"""No family has this number."""


class _Life:
    """What is known of a process from the first glance that showed it."""

    __slots__ = ("family", "held_s", "met_s")

    def __init__(self, family: int, met_s: float) -> None:
        self.family = family
        self.met_s = met_s
        self.held_s = 0.0
        """For how long walks have held it up."""


class Estimator:
    """Keeps the ledger and the budget of a tree, from sweep to sweep.

    Most processes are at a glance as they were at the last. To look one up by its key takes a tenth
    of the time that it takes to glance at it, so this is done only for those that are different.
    """

    def __init__(self, policy: Policy, interval_s: float) -> None:
        self._policy = policy
        self._ledger = Ledger()
        self._budget = Budget(policy.budget, interval_s)
        self._sum = RunningSum()
        self._tracked: Sequence[Tracked] = ()
        self._seen: Sequence[Glance | None] = ()
        """The glance at each of these."""
        self._glances: dict[ProcessKey, Glance] = {}
        self._sizes: dict[ProcessKey, int] = {}
        self._lives: dict[ProcessKey, _Life] = {}
        self._held_s: dict[float, float] | None = None
        """The longest that those were held up which were met at one time, by that time."""
        self._has_walked = False
        self._is_blind = False
        """Whether the kernel reports too little to bound anything (before Linux 5.3)."""
        self._glance_error_bytes = 0
        self._rows: Sequence[Row] = ()
        self._undated: tuple[ProcessSample, ...] = ()
        self._total = Memory(), Memory()
        """The last sum, without and with the bounds of the ledger."""
        self._beside = Bounds()
        """What those count that the ledger does not have."""

    def expect(self, interval_s: float) -> None:
        """Note how far apart the sweeps will be."""
        self._budget.interval_s = interval_s

    def take_glances(self, tracked: Sequence[Tracked], now_s: float) -> bool:
        """Take in a glance at every process; return whether to walk them all now."""
        if self._note(tracked, now_s) or not self._ledger.is_settled:
            self._ledger.observe(self._glances)
        if self._policy.exact or self._is_blind or not self._has_walked:
            return True
        bounds = self._ledger.total
        return self._budget.is_due(
            self._sizes,
            now_s,
            loose=(bounds.high - bounds.low) / max(1, bounds.high),
            has_changed=self._ledger.has_changed,
        )

    def _note(self, tracked: Sequence[Tracked], now_s: float) -> bool:
        """Keep the glances by the keys of the processes, in their order; whether any is new."""
        glances = [one.glance for one in tracked]
        if tracked == self._tracked and all(map(is_, glances, self._seen)):
            return False
        if tracked != self._tracked:
            self._glances, self._sizes = {}, {}
            different = tracked
        else:
            pairs = zip(tracked, self._seen, strict=True)
            different = [one for one, seen in pairs if one.glance is not seen]
        self._tracked, self._seen = tracked, glances
        for one in different:
            if one.glance is not None:
                self._meet(one.node.key, one.glance, now_s)
            else:
                self._glances.pop(one.node.key, None)
                self._sizes.pop(one.node.key, None)
        if len(self._lives) > len(self._glances):
            for key in self._lives.keys() - self._glances.keys():
                self._budget.forget(key)
                del self._lives[key]
            self._held_s = None
        return True

    def _meet(self, key: ProcessKey, glance: Glance, now_s: float) -> None:
        self._glances[key], self._sizes[key] = glance, glance.rss_bytes
        life = self._lives.setdefault(key, _Life(_UNKNOWN, now_s))
        if life.family != glance.family:
            # A program that it has become by execve(2) has its grace too.
            self._budget.meet(key, glance.rss_bytes, now_s)
            life.family = glance.family
            self._held_s = None

    def take_walks(self, tracked: Sequence[Tracked], torn: set[int], now_s: float) -> float:
        """Take in a round of walks; return how long they held processes up, in sum."""
        self._has_walked = True
        walked = [one for one in tracked if one.is_walked and one.glance is not None]
        costs_s = {one.node.key: one.walk_s for one in walked}
        self._budget.charge(costs_s, sum([one.rss_bytes for one in walked]), now_s)
        self._note_held(costs_s)
        if any(one.status is not ReadStatus.MEASURED for one in walked):
            for one in walked:
                if one.status is not ReadStatus.MEASURED:
                    one.glance = None
            # The next glances are to be taken in whatever they are.
            self._tracked = ()
            self._ledger.observe(
                {one.node.key: one.glance for one in tracked if one.glance is not None}
            )
        self._ledger.take_walks(self._pages_of(walked), torn)
        return sum(costs_s.values())

    def owe(self, costs_s: Mapping[ProcessKey, float], now_s: float) -> None:
        """Charge what has held processes up besides walks, to those that are still there."""
        known = {key: cost_s for key, cost_s in costs_s.items() if key in self._lives}
        self._budget.owe(known, now_s)
        self._note_held(known)

    def _note_held(self, costs_s: Mapping[ProcessKey, float]) -> None:
        for key, cost_s in costs_s.items():
            self._lives[key].held_s += cost_s
        self._held_s = None

    def _pages_of(self, walked: Sequence[Tracked]) -> Mapping[ProcessKey, WalkedPages]:
        pages = {}
        for one in walked:
            if one.status is ReadStatus.MEASURED and one.reading is not None:
                if one.reading.pages is None:
                    self._is_blind = True
                else:
                    pages[one.node.key] = one.reading.pages
                    error = one.reading.pages.glance_error_bytes
                    self._glance_error_bytes = max(self._glance_error_bytes, error)
        return pages

    def rows(self, tracked: Sequence[Tracked], now_s: float) -> Rows:
        """Return what is known of each process; all the same objects where nothing is new."""
        stale = self._ledger.take_stale()
        for one in tracked if stale else ():
            if one.glance is not None and one.glance.family in stale:
                one.share = one.row = None
        rows = [one.row or self._make_row(one, now_s) for one in tracked]
        if len(rows) != len(self._rows) or not all(map(is_, rows, self._rows)):
            self._rows = rows
            self._undated = tuple([row.sample for row in rows])
            self._beside = _bounds_of(
                [
                    row.sample.memory
                    for one, row in zip(tracked, rows, strict=True)
                    if one.glance is None
                ]
            )
        return Rows(self._rows, self._undated, now_s)

    def _make_row(self, one: Tracked, now_s: float) -> Row:
        if one.glance is None or self._is_blind:
            one.share = None
        elif one.share is None:
            one.share = self._ledger.share(one.node.key)
        return one.make_row(now_s)

    def total(self, samples: Sequence[ProcessSample]) -> Memory:
        """Return the sums over the processes, and the bounds of their total PSS."""
        total = self._sum.of(samples)
        if self._is_blind or not self._glances:
            return total
        bounds = self._ledger.total
        low, high = bounds.low + self._beside.low, bounds.high + self._beside.high
        if self._glance_error_bytes:
            error = self._glance_error_bytes * len(self._glances)
            low, high = max(0, low - error), high + error
        before, bounded = self._total
        if before is not total or (bounded.pss_low_bytes, bounded.pss_high_bytes) != (low, high):
            self._total = total, replace(total, pss_low_bytes=low, pss_high_bytes=high)
        return self._total[1]

    @property
    def has_all(self) -> bool:
        """Whether the total lacks nothing that one of the processes has."""
        return self._sum.is_complete

    def held_share(self, now_s: float) -> float:
        """Return the largest part of its time for which a process was held up by walks."""
        if self._held_s is None:
            self._held_s = {}
            for life in self._lives.values():
                self._held_s[life.met_s] = max(life.held_s, self._held_s.get(life.met_s, 0.0))
        return max(
            [
                held_s / (now_s - met_s)
                for met_s, held_s in self._held_s.items()
                if now_s - met_s >= _LIVED_S
            ],
            default=0.0,
        )


def _bounds_of(memories: Sequence[Memory]) -> Bounds:
    low = sum([memory.pss_low_bytes or 0 for memory in memories])
    return Bounds(low, low, sum([memory.pss_high_bytes or 0 for memory in memories]))
