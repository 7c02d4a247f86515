"""What a test used, and whether that is too much. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, NamedTuple

from memstat.pytest_plugin.marks import Marks
from memstat.report.estimates import is_wide
from memstat.results import Peak
from memstat.units import parse_size

_LEAST_SLACK_BYTES: Final = 1 << 20
"""The allocator and the interpreter vary by themselves; that is no growth of the test."""


class DecidedBy(StrEnum):
    """What the growth of a test was taken from: whichever is larger."""

    SAMPLES = "samples"
    """PSS of all its processes: samples saw it, to within 1 MiB."""
    KERNEL = "high-water mark"
    """The RSS of one of its processes, as the kernel's own high-water mark has it."""


@dataclass(frozen=True)
class Usage:
    """What one test used while it was called. What is asked for several times is computed once."""

    start_bytes: int
    """Total PSS just before the call, after its fixtures were set up."""
    start_s: float
    """When that was, in seconds after the sidecar's start."""
    peak: Peak | None
    """The largest total from then to the end of the call; ``None`` without a sample."""
    samples: int
    """Snapshots in that time."""
    marks: Marks | None = None
    """What the kernel's own marks say; ``None`` where they could not be read."""
    own_start_bytes: int = 0
    """The part of the start that the own process has."""
    own_pid: int = 0
    """The PID of the own process."""
    is_start_torn: bool = False
    """Whether the start may be wrong: no total can be compared with it."""

    @cached_property
    def growth_bytes(self) -> int:
        """The growth over the start: that of the samples, or of the marks if larger."""
        return max(
            (growth for growth in (self._sampled_bytes, self._marked_bytes) if growth is not None),
            default=0,
        )

    @property
    def peak_bytes(self) -> int:
        """The total at the peak: the start and the growth.

        Without a start to count from, the largest total or the peak of the own process.
        """
        if not self.is_start_torn:
            return self.start_bytes + self.growth_bytes
        own_bytes = self.own_start_bytes + self.growth_bytes
        if self.peak is None or self.peak.snapshot.torn:
            return own_bytes
        return max(own_bytes, self.peak.pss_bytes)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing at the start or the peak; true as well without a sample."""
        return not self.is_start_torn and (self.peak is None or self.peak.snapshot.complete)

    @property
    def decided_by(self) -> DecidedBy:
        """Which of the two the growth is from."""
        sampled_bytes = self._sampled_bytes
        if sampled_bytes is None or sampled_bytes + _LEAST_SLACK_BYTES < self.growth_bytes:
            return DecidedBy.KERNEL
        return DecidedBy.SAMPLES

    @property
    def peak_after_s(self) -> float | None:
        """Seconds from the start of the test to the largest sample; ``None`` without any."""
        return None if self.peak is None else self.peak.elapsed_s - self.start_s

    @property
    def _marked_bytes(self) -> int | None:
        return None if self.marks is None else self.marks.growth_bytes

    @cached_property
    def _sampled_bytes(self) -> int | None:
        """The growth of PSS in the largest sample.

        PSS also grows when another process ends that shared pages, a Python of another program,
        say. That is no growth of the test: its own process counts for no more than its RSS grew.
        The total of a torn sample may be too large: no test fails for one where there are marks.
        Nor is there a growth over a start that was torn.
        """
        if self.peak is None or self.is_start_torn:
            return None
        if self.peak.snapshot.torn and self.marks is not None:
            return None
        growth = _proved_bytes(self.peak) - self.start_bytes
        if self.marks is None:
            return growth
        return growth - max(0, self._own_growth_bytes(self.peak) - self.marks.most_bytes)

    def _own_growth_bytes(self, peak: Peak) -> int:
        for process in peak.snapshot.processes:
            if process.key.pid == self.own_pid:
                return (process.memory.pss_bytes or 0) - self.own_start_bytes
        return 0


def _proved_bytes(peak: Peak) -> int:
    """Return the best value of the largest sample; where it is a guess, what is certain of it."""
    total = peak.snapshot.total
    if is_wide(total.pss_low_bytes, total.pss_high_bytes):
        return total.pss_low_bytes or 0
    return peak.pss_bytes


class MaxPss(NamedTuple):
    """The limit that a ``max_pss`` marker sets."""

    most_bytes: int
    """The largest size that is not a failure."""
    absolute: bool
    """Whether it limits the total rather than the growth."""

    def exceeded_by(self, usage: Usage) -> int:
        """Return by how many bytes a test exceeded this; zero or negative if it did not."""
        used = usage.peak_bytes if self.absolute else usage.growth_bytes
        return used - self.most_bytes


def read_marker(arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> MaxPss:
    """Return the limit that the arguments of the marker set. Raises ValueError.

    >>> read_marker(("200 MiB",), {"absolute": True})
    MaxPss(most_bytes=209715200, absolute=True)
    """
    if len(arguments) != 1 or not keywords.keys() <= {"absolute"}:
        raise ValueError('max_pss takes one size, as in max_pss("200 MiB"), and absolute=True')
    return MaxPss(parse_size(str(arguments[0])), bool(keywords.get("absolute", False)))


class Tolerance(NamedTuple):
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
