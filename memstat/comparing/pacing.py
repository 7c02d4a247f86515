"""How often to sample the runs of a benchmark. Pure."""

from __future__ import annotations

from typing import Final

from memstat.results import SamplingStats

WANTED_SAMPLES: Final = 100
"""As few make the peak of a run reliable."""
_MARGIN: Final = 2
"""A run may be shorter than the warm-up, and a tick may be missed."""
FASTEST_S: Final = 0.002
SLOWEST_S: Final = 0.02
UNKNOWN_S: Final = 0.01
"""Without a warm-up nothing is known."""
_LEAST_KEPT: Final = 0.25
_MOST_OF_TIME: Final = 0.5
"""The part of the time that sweeps may take."""


def choose_interval_s(duration_s: float, stats: SamplingStats) -> float:
    """Return the time between two samples of a run, by one before that lasted so long.

    A run has at least a hundred samples then, unless 2 ms apart are too few, or sweeps take longer.
    Where a part of the ticks was missed, a busy machine will miss as many again.
    """
    kept = stats.samples / max(1, stats.samples + stats.missed_ticks)
    wanted_s = duration_s / WANTED_SAMPLES / _MARGIN * max(_LEAST_KEPT, kept)
    possible_s = max(FASTEST_S, (stats.sweep_median_s or 0.0) / _MOST_OF_TIME)
    return round(max(possible_s, min(SLOWEST_S, wanted_s)), 4)
