"""What a sweep makes of its glances and walks: the sizes of each process, and of all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus
from memstat.proc.source import WalkedPages
from memstat.sampling.budget import Budget
from memstat.sampling.ledger import Ledger
from memstat.sampling.policy import Policy
from memstat.sampling.sums import add_up
from memstat.sampling.tracked import Tracked

_LIVED_S: Final = 1.0
"""Of a process that is younger, no share of its time is stated."""


class Estimator:
    """Keeps the ledger and the budget of a tree, from sweep to sweep."""

    def __init__(self, policy: Policy, interval_s: float) -> None:
        self._policy = policy
        self._ledger = Ledger()
        self._budget = Budget(policy.budget, interval_s)
        self._families: dict[ProcessKey, int] = {}
        self._met_s: dict[ProcessKey, float] = {}
        self._held_s: dict[ProcessKey, float] = {}
        self._has_walked = False
        self._is_blind = False
        """Whether the kernel reports too little to bound anything (before Linux 5.3)."""
        self._glance_error_bytes = 0

    def expect(self, interval_s: float) -> None:
        """Note how far apart the sweeps will be."""
        self._budget.interval_s = interval_s

    def take_glances(self, tracked: Sequence[Tracked], now_s: float) -> bool:
        """Take in a glance at every process; return whether to walk them all now."""
        glances = {one.node.key: one.glance for one in tracked if one.glance is not None}
        for key in self._families.keys() - glances.keys():
            self._budget.forget(key)
            del self._families[key], self._met_s[key]
            self._held_s.pop(key, None)
        for key, glance in glances.items():
            if self._families.get(key) != glance.family:
                # A program that it has become by execve(2) has its grace too.
                self._budget.meet(key, glance.rss_bytes, now_s)
                self._families[key] = glance.family
                self._met_s.setdefault(key, now_s)
        self._ledger.observe(glances)
        if self._policy.exact or self._is_blind or not self._has_walked:
            return True
        bounds = self._ledger.total
        return self._budget.is_due(
            {key: glance.rss_bytes for key, glance in glances.items()},
            now_s,
            loose=(bounds.high - bounds.low) / max(1, bounds.high),
            has_changed=self._ledger.has_changed,
        )

    def take_walks(self, tracked: Sequence[Tracked], torn: set[int], now_s: float) -> float:
        """Take in a round of walks; return how long they held processes up, in sum."""
        self._has_walked = True
        walked = [one for one in tracked if one.is_walked and one.glance is not None]
        costs_s = {one.node.key: one.walk_s for one in walked}
        self._budget.charge(costs_s, sum([one.rss_bytes for one in walked]), now_s)
        for key, cost_s in costs_s.items():
            self._held_s[key] = self._held_s.get(key, 0.0) + cost_s
        if any(one.status is not ReadStatus.MEASURED for one in walked):
            for one in walked:
                if one.status is not ReadStatus.MEASURED:
                    one.glance = None
            self._ledger.observe(
                {one.node.key: one.glance for one in tracked if one.glance is not None}
            )
        self._ledger.take_walks(self._pages_of(walked), torn)
        return sum(costs_s.values())

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

    def samples(self, tracked: Sequence[Tracked], now_s: float) -> tuple[ProcessSample, ...]:
        """Return what is known of each process."""
        share = self._ledger.share
        return tuple(
            [
                one.sample(
                    None if one.glance is None or self._is_blind else share(one.node.key), now_s
                )
                for one in tracked
            ]
        )

    def total(self, samples: Sequence[ProcessSample]) -> Memory:
        """Return the sums over the processes, and the bounds of their total PSS."""
        total = add_up(samples)
        if self._is_blind or not self._families:
            return total
        bounds = self._ledger.total
        low, high = bounds.low, bounds.high
        for sample in samples:
            if sample.key not in self._families:
                low += sample.memory.pss_low_bytes or 0
                high += sample.memory.pss_high_bytes or 0
        if self._glance_error_bytes:
            error = self._glance_error_bytes * len(self._families)
            low, high = max(0, low - error), high + error
        return replace(total, pss_low_bytes=low, pss_high_bytes=high)

    def held_share(self, now_s: float) -> float:
        """Return the largest part of its time for which a process was held up by walks."""
        return max(
            [
                held_s / (now_s - self._met_s[key])
                for key, held_s in self._held_s.items()
                if now_s - self._met_s[key] >= _LIVED_S
            ],
            default=0.0,
        )
