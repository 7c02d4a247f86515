"""The exact one-sided test of Mann and Whitney for two small samples, ties included. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

MOST_EXACT: Final = 40
"""With more values in all, the distribution of the sum of ranks is taken for a normal one."""


def p_larger(base: Sequence[int], new: Sequence[int]) -> float:
    """Return how probable such large new values are if nothing has changed.

    That is the part of all ways to divide the values into two samples of these sizes in which the
    second has no lower sum of ranks; equal values share the mean of their ranks. With more than
    ``MOST_EXACT`` values it is an approximation. Raises ValueError when a sample is empty.

    >>> p_larger([1, 2, 3], [4, 5, 6]), p_larger([4, 5, 6], [1, 2, 3]), p_larger([7, 7], [7, 7])
    (0.05, 1.0, 1.0)
    """
    if not base or not new:
        raise ValueError("a sample is empty")
    doubled = _doubled_ranks([*base, *new])
    observed = sum(doubled[len(base) :])
    if len(doubled) > MOST_EXACT:
        return _approximate(doubled, len(new), observed)
    sums = _sums(tuple(sorted(doubled)), len(new))
    at_least = sum(ways for total, ways in sums.items() if total >= observed)
    return at_least / math.comb(len(doubled), len(new))


def _doubled_ranks(values: Sequence[int]) -> list[int]:
    """Return twice the rank of each value: whole numbers, where equal values share a mean."""
    ordered = sorted(values)
    first: dict[int, int] = {}
    count: Counter[int] = Counter(ordered)
    for place, value in enumerate(ordered, 1):
        first.setdefault(value, place)
    return [2 * first[value] + count[value] - 1 for value in values]


@lru_cache(maxsize=64)
def _sums(doubled: tuple[int, ...], size: int) -> Mapping[int, int]:
    """Return in how many ways so many of the ranks add up to each sum."""
    ways: list[Counter[int]] = [Counter() for _ in range(size + 1)]
    ways[0][0] = 1
    for rank in doubled:
        for chosen in range(size, 0, -1):
            for total, count in ways[chosen - 1].items():
                ways[chosen][total + rank] += count
    return ways[size]


def _approximate(doubled: Sequence[int], size: int, observed: int) -> float:
    """Return the same by the normal distribution, corrected for ties and for whole ranks."""
    count = len(doubled)
    mean = sum(doubled) / count
    variance = sum((rank - mean) ** 2 for rank in doubled) / (count - 1)
    deviation = math.sqrt(variance * size * (count - size) / count)
    if deviation == 0:
        return 1.0
    return math.erfc((observed - 1 - mean * size) / deviation / math.sqrt(2)) / 2
