"""What a test used, and whether that is too much. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from memstat.model import Peak
from memstat.units import parse_size

_LEAST_SLACK_BYTES: Final = 1 << 20
"""The allocator and the interpreter vary by themselves; that is no growth of the test."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one test used while it was called."""

    start_bytes: int
    """Total PSS just before the call, after its fixtures were set up."""
    start_s: float
    """When that was, in seconds after the sidecar's start."""
    peak: Peak
    """The largest total from then to the end of the call."""
    samples: int
    """Snapshots in that time."""

    @property
    def growth_bytes(self) -> int:
        """The peak over the start."""
        return self.peak.pss_bytes - self.start_bytes

    @property
    def peak_after_s(self) -> float:
        """Seconds from the start of the test to its peak."""
        return self.peak.elapsed_s - self.start_s


@dataclass(frozen=True, slots=True)
class MaxPss:
    """The limit that a ``max_pss`` marker sets."""

    most_bytes: int
    """The largest size that is not a failure."""
    absolute: bool
    """Whether it limits the total rather than the growth."""

    def exceeded_by(self, usage: Usage) -> int:
        """Return by how many bytes a test exceeded this; zero or negative if it did not."""
        used = usage.peak.pss_bytes if self.absolute else usage.growth_bytes
        return used - self.most_bytes


def read_marker(arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> MaxPss:
    """Return the limit that the arguments of the marker set. Raises ValueError.

    >>> read_marker(("200 MiB",), {"absolute": True})
    MaxPss(most_bytes=209715200, absolute=True)
    """
    if len(arguments) != 1 or not keywords.keys() <= {"absolute"}:
        raise ValueError('max_pss takes one size, as in max_pss("200 MiB"), and absolute=True')
    return MaxPss(parse_size(str(arguments[0])), bool(keywords.get("absolute", False)))


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much more than before is allowed."""

    fraction: float | None
    """The part of the earlier growth; ``None`` for a fixed size."""
    size_bytes: int
    """The fixed size, or the least that the fraction allows."""

    def slack_bytes(self, before_bytes: int) -> int:
        """Return how many bytes a test may grow more than before."""
        return max(self.size_bytes, int(before_bytes * (self.fraction or 0.0)))


def parse_tolerance(text: str) -> Tolerance:
    """Return a tolerance: a percentage, or a size. Raises ValueError.

    >>> parse_tolerance("10%").slack_bytes(100 << 20) == 10 << 20
    True
    >>> parse_tolerance("512 KiB").slack_bytes(100 << 20)
    524288
    """
    number, percent, rest = text.partition("%")
    if not percent:
        return Tolerance(None, parse_size(text))
    fraction = float(number) / 100
    if rest.strip() or not (fraction >= 0 and math.isfinite(fraction)):
        raise ValueError(f"{text!r} is neither a percentage nor a size")
    return Tolerance(fraction, _LEAST_SLACK_BYTES)
