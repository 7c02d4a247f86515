"""What several runs come to, and how many there are to be. Pure.

Apart from the rest, which takes longer to load than the pytest plugin needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

KEPT_RUNS: Final = 5
"""So many of the last runs are kept: enough to compare well, and soon all of them as it is now."""
LEAST_RUNS: Final = 3
"""Of three runs against three, none of which overlap, the probability is 1/20. Of fewer it is more
than that, whatever they are."""
BASELINE_KEY: Final = "growth_pss_bytes"
"""What a baseline of the pytest plugin has, and no other file."""


def median(values: Sequence[int]) -> int:
    """Return the value in the middle, or the mean of the two there, rounded down.

    >>> median([3, 1, 2]), median([1, 2, 4, 9])
    (2, 3)
    """
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def spread(values: Sequence[int]) -> float:
    """Return how far the largest is above the smallest, as a part of the median.

    >>> spread([100, 110, 120])
    0.18181818181818182
    """
    return (max(values) - min(values)) / max(1, median(values))
