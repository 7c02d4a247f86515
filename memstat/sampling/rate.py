"""How often to sample: as often as a small part of a core allows. Pure."""

from __future__ import annotations

from typing import Final

CORE_SHARE: Final = 0.02
"""The part of a core that sampling takes where its rate is free."""
FASTEST_S: Final = 0.02
SLOWEST_S: Final = 0.1
"""The free rate lies between 50 and 10 Hz."""
_LOOP_S: Final = 0.3e-3
"""What the event loop needs for a tick, besides the sweep."""
_SMOOTHING: Final = 0.1
_CHANGE: Final = 1.25
"""The interval stays until another would differ by this factor: a grid is to be held."""
_SETTLING: Final = 10
"""So many sweeps are taken before the interval is judged again."""


class Rate:
    """The time between two ticks: the one that was chosen, or else what sweeps cost allows.

    >>> rate = Rate(None)
    >>> [rate.observe(0.0017) for _ in range(10)].count(True), rate.interval_s
    (1, 0.1)
    >>> Rate(0.5).observe(1.0)
    False
    """

    def __init__(self, chosen_s: float | None) -> None:
        self.interval_s = chosen_s if chosen_s is not None else FASTEST_S
        self._is_free = chosen_s is None
        self._cost_s: float | None = None
        self._sweeps = 0

    def observe(self, cost_s: float) -> bool:
        """Take in the CPU time of a sweep; return whether the interval is another now."""
        if not self._is_free:
            return False
        before_s = cost_s if self._cost_s is None else self._cost_s
        self._cost_s = before_s + _SMOOTHING * (cost_s - before_s)
        self._sweeps += 1
        if self._sweeps < _SETTLING:
            return False
        wanted_s = (self._cost_s + _LOOP_S) / CORE_SHARE
        wanted_s = round(min(SLOWEST_S, max(FASTEST_S, wanted_s)), 3)
        if 1 / _CHANGE < wanted_s / self.interval_s < _CHANGE and wanted_s not in _ENDS:
            return False
        if wanted_s == self.interval_s:
            return False
        self.interval_s, self._sweeps = wanted_s, 0
        return True


_ENDS: Final = (FASTEST_S, SLOWEST_S)
