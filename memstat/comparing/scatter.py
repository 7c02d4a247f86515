"""Whether runs differ by themselves, or only in what samples saw of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from memstat.comparing.figures import median
from memstat.comparing.measurements import Run


def unexplained(runs: Sequence[Run]) -> float:
    """Return by how much peaks differ beyond their bounds, as a part of the median.

    0 where one size lies within the bounds of all: then each may have reached the same.

    >>> unexplained([Run(70, 60, 90), Run(90, 80, 120)])
    0.0
    >>> unexplained([Run(70, 60, 70), Run(90, 80, 90)])
    0.125
    """
    sizes = [run.pss_bytes for run in runs if run.pss_bytes is not None]
    lows = [run.pss_low_bytes for run in runs if run.pss_low_bytes is not None]
    highs = [run.pss_high_bytes for run in runs if run.pss_high_bytes is not None]
    if not (sizes and lows and highs):
        return 0.0
    return max(0, max(lows) - min(highs)) / max(1, median(sizes))
