"""Whether new runs use more than those before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from memstat.comparing.figures import LEAST_RUNS, median
from memstat.comparing.ranks import p_larger

_SIGNIFICANT: Final = 0.05


class Outcome(StrEnum):
    """What came out."""

    REGRESSION = "regression"
    """The new runs use more."""
    IMPROVEMENT = "improvement"
    """They use less, by the same rule."""
    UNCHANGED = "unchanged"
    """Neither is shown."""
    NOT_COMPARABLE = "not comparable"
    """The two were not measured alike, or a peak may be wrong."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How much more is a regression, beside being improbable by chance."""

    tolerance: float = 0.05
    """The median has to grow by more than this part of it."""
    min_change_bytes: int = 1 << 20
    """And by more than this."""

    def exceeded(self, before_bytes: int, after_bytes: int) -> bool:
        """Whether a size has grown by more than both.

        >>> Rule().exceeded(100 << 20, 105 << 20), Rule().exceeded(100 << 20, 106 << 20)
        (False, True)
        """
        growth = after_bytes - before_bytes
        return growth > self.tolerance * before_bytes and growth > self.min_change_bytes


@dataclass(frozen=True, slots=True)
class Decision:
    """What the sizes of two sets of runs say."""

    outcome: Outcome
    """Never NOT_COMPARABLE: that is no matter of sizes."""
    base_bytes: int
    """The median before."""
    new_bytes: int
    """The median now."""
    p_value: float | None = None
    """How probable a growth like that is by chance, or where they use less, a decline; ``None``
    where there are too few runs, and the tolerance alone decided."""

    @property
    def growth_bytes(self) -> int:
        """How much more the median is now."""
        return self.new_bytes - self.base_bytes

    @property
    def growth_part(self) -> float | None:
        """The same as a part of what it was; ``None`` where that was nothing."""
        return self.growth_bytes / self.base_bytes if self.base_bytes else None

    @property
    def is_by_tolerance_alone(self) -> bool:
        """Whether there were too few runs for more."""
        return self.p_value is None


def decide(base: Sequence[int], new: Sequence[int], rule: Rule) -> Decision:
    """Return the decision on sizes in bytes. Raises ValueError when there are none.

    >>> mib = 1 << 20
    >>> decide([100 * mib] * 5, [120 * mib] * 5, Rule()).outcome.value
    'regression'
    >>> decide([100 * mib, 180 * mib, 90 * mib], [120 * mib, 95 * mib, 130 * mib], Rule()).p_value
    0.5
    """
    if not base or not new:
        raise ValueError("there is nothing to compare")
    before, after = median(base), median(new)
    if min(len(base), len(new)) < LEAST_RUNS:
        return Decision(_outcome(before, after, rule), before, after)
    # The test is one-sided: in the direction in which the medians differ.
    p_value = p_larger(base, new) if after >= before else p_larger(new, base)
    outcome = _outcome(before, after, rule) if p_value <= _SIGNIFICANT else Outcome.UNCHANGED
    return Decision(outcome, before, after, p_value)


def _outcome(before: int, after: int, rule: Rule) -> Outcome:
    if rule.exceeded(before, after):
        return Outcome.REGRESSION
    # Less by as much as would be a regression the other way round.
    return Outcome.IMPROVEMENT if rule.exceeded(after, before) else Outcome.UNCHANGED
