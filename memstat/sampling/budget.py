"""What a walk may cost, and whether to walk now. Pure.

A walk holds up the process that it looks at, as its ``mmap_lock`` is taken, and it takes CPU time.
So each process earns a part of its life, 2 % by default, as time for which walks may hold it up;
memstat earns a part of a core. A walk is charged what it really took. What is in debt is not
walked, and as a sum is exact only when all were walked, none is walked until all debts are paid.

So over its life, a process is held up for no longer than it has earned, the grace that it began
with, and one walk. (To walk only what has the credit for it was tried, too: one walk that is
preempted then blocks the next for seconds.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from memstat.model import ProcessKey

CORE_SHARE: Final = 0.05
"""The part of a core that walks may take."""
SAVED_S: Final = 5.0
"""So much of its life's earnings a process may save."""
GRACE_S: Final = 0.014
"""What a process may be held up at once when it is new."""
_LOOSE: Final = 0.005
"""Bounds further apart than this part of the total are worth a walk."""
_REFRESH_S: Final = 10.0
"""Walk after this time whatever the bounds: sharers outside the tree come and go unseen."""
_REFRESH_SHARE: Final = 0.001
"""Or later, where a walk of a large process would take more than this part of the time between."""
_WALK_S: Final = 60e-6
"""The cost of a walk besides that of the pages."""
_FIRST_RATE_S: Final = 20e-9 / 1024
"""What a byte costs until the first large walk has shown it: in pages of 4 KiB."""
_LEARNING: Final = 0.2
"""How far a walk moves what is expected of a byte."""
_LARGE_BYTES: Final = 8 << 20
"""A walk of less is not of the pages mainly."""


class Budget:
    """What may be walked. Every debt is kept as the time at which it will have been paid.

    >>> budget = Budget(0.02, interval_s=0.1)
    >>> shell = ProcessKey(1, 10)
    >>> budget.meet(shell, 4 << 20, now_s=0.0)
    >>> budget.is_due({shell: 4 << 20}, 0.0, loose=1.0, has_changed=True)
    True
    >>> budget.charge({shell: 0.02}, 4 << 20, now_s=0.0)
    >>> budget.is_due({shell: 4 << 20}, 0.1, loose=1.0, has_changed=True)
    False
    >>> budget.is_due({shell: 4 << 20}, 0.5, loose=1.0, has_changed=True)
    True
    """

    def __init__(self, share: float, interval_s: float) -> None:
        self._share = share
        self.interval_s = interval_s
        """The time between two sweeps."""
        self._rate_s = _FIRST_RATE_S
        self._paid_s: dict[ProcessKey, float] = {}
        self._own_paid_s = float("-inf")
        self._walked_s = float("-inf")

    def meet(self, key: ProcessKey, size_bytes: int, now_s: float) -> None:
        """Note a new process: it has earned nothing for its first walk but some grace.

        One that has called execve is as good as new, but what it owes it still owes.
        """
        paid_s = now_s + self._as_life_s(self._pages_s(size_bytes) - GRACE_S)
        self._paid_s[key] = max(paid_s, self._paid_s.get(key, paid_s))

    def forget(self, key: ProcessKey) -> None:
        """Note that a process has ended."""
        self._paid_s.pop(key, None)

    def is_due(
        self, sizes: Mapping[ProcessKey, int], now_s: float, *, loose: float, has_changed: bool
    ) -> bool:
        """Whether to walk all of these, by their sizes and how loose the bounds of the sum are."""
        is_old = self._is_old(sizes.values(), now_s - self._walked_s)
        if not (has_changed or is_old) or self._share <= 0 or self._own_paid_s > now_s:
            return False
        if not (is_old or loose > _LOOSE or self._is_cheap(sizes.values())):
            return False
        if max(self._paid_s.values(), default=now_s) <= now_s:
            return True
        return all(self._paid_s.get(key, now_s) <= now_s for key in sizes)

    def charge(self, costs_s: Mapping[ProcessKey, float], size_bytes: int, now_s: float) -> None:
        """Charge a round of walks to those that were walked and to memstat."""
        spent_s = self.owe(costs_s, now_s)
        self._walked_s = now_s
        if size_bytes > _LARGE_BYTES:
            self._rate_s += _LEARNING * (spent_s / size_bytes - self._rate_s)

    def owe(self, costs_s: Mapping[ProcessKey, float], now_s: float) -> float:
        """Charge what has held processes up, and is no round of walks; return the sum."""
        spent_s = sum(costs_s.values())
        for key, cost_s in costs_s.items():
            before_s = max(self._paid_s.get(key, now_s), now_s - SAVED_S)
            self._paid_s[key] = before_s + self._as_life_s(cost_s)
        self._own_paid_s = max(self._own_paid_s, now_s - SAVED_S) + spent_s / CORE_SHARE
        return spent_s

    def _is_old(self, sizes: Collection[int], age_s: float) -> bool:
        return age_s > _REFRESH_S and self._largest_s(sizes) <= _REFRESH_SHARE * age_s

    def _is_cheap(self, sizes: Collection[int]) -> bool:
        """Whether a walk of all is no burden: for memstat in this tick, and for the largest."""
        cost_s = len(sizes) * _WALK_S + self._pages_s(sum(sizes))
        if cost_s > CORE_SHARE * self.interval_s:
            return False
        return self._largest_s(sizes) <= self._share * self.interval_s

    def _largest_s(self, sizes: Collection[int]) -> float:
        """Return for how long a walk is expected to hold up the largest of these."""
        return _WALK_S + self._pages_s(max(sizes, default=0))

    def _pages_s(self, size_bytes: int) -> float:
        return size_bytes * self._rate_s

    def _as_life_s(self, cost_s: float) -> float:
        """Return how long a process lives to earn this."""
        return cost_s / self._share if self._share > 0 else 0.0
