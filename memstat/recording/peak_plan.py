"""When to read what the memory consists of, so that it is known near the peak. Pure."""

from __future__ import annotations

from typing import Final

from memstat.sampling.budget import CORE_SHARE, GRACE_S, SAVED_S

_STEP: Final = 1.05
"""A peak is new when it is so many times as large as the last one that was kept."""
_PART: Final = 0.5
"""The part of the budget that readings may take: the rest is left for walks.

They are charged to the same budget, and without walks the total is a guess.
"""


class PeakPlan:
    """Says at which snapshots to read: at each new peak, as often as the budget allows.

    A reading that holds a process up for a time is paid for when the process has lived for that
    time, divided by half of the budget; and so for the time of memstat itself. Without a budget the
    first one is read and no other.

    >>> plan = PeakPlan(0.02)
    >>> plan.is_due(100, now_s=0.0)
    True
    >>> plan.take(100, longest_s=0.05, sum_s=0.05, now_s=0.0)
    >>> plan.is_due(200, now_s=3.0), plan.is_due(104, now_s=9.0), plan.is_due(200, now_s=9.0)
    (False, False, True)
    """

    def __init__(self, budget: float) -> None:
        self._share = budget * _PART
        self._kept_bytes = 0
        self._paid_s: float | None = None
        """When what was read will have been paid for."""

    def is_due(self, pss_bytes: int | None, now_s: float) -> bool:
        """Whether to read at a snapshot with this total."""
        if pss_bytes is None or not self.is_new(pss_bytes):
            return False
        return self._paid_s is None or (self._share > 0 and self._paid_s <= now_s)

    def is_new(self, pss_bytes: int) -> bool:
        """Whether a total is clearly larger than what was kept last."""
        return pss_bytes > self._kept_bytes * _STEP

    def take(self, pss_bytes: int, *, longest_s: float, sum_s: float, now_s: float) -> None:
        """Note a reading: its total, the time of the process that took longest, that of all."""
        self._kept_bytes = max(self._kept_bytes, pss_bytes)
        if self._share > 0:
            before_s = now_s - GRACE_S / self._share if self._paid_s is None else self._paid_s
            life_s = max(longest_s / self._share, sum_s / (CORE_SHARE * _PART))
            self._paid_s = max(before_s, now_s - SAVED_S) + life_s
        else:
            self._paid_s = now_s
