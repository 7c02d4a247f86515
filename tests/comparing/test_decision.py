"""What is a regression, and what is not."""

from __future__ import annotations

import pytest

from memstat.comparing.decision import Outcome, Rule, decide
from tests.comparing.made import MIB

FIVE = [100 * MIB, 101 * MIB, 99 * MIB, 100 * MIB, 102 * MIB]


def times(factor: float, sizes: list[int] = FIVE) -> list[int]:
    return [round(factor * size) for size in sizes]


@pytest.mark.parametrize(
    ("base", "new", "rule", "outcome"),
    [
        (FIVE, times(1.10), Rule(), Outcome.REGRESSION),
        (FIVE, times(1.04), Rule(), Outcome.UNCHANGED),
        (FIVE, times(1.04), Rule(tolerance=0.03), Outcome.REGRESSION),
        (FIVE, times(1.10), Rule(min_change_bytes=20 * MIB), Outcome.UNCHANGED),
        (FIVE, times(0.80), Rule(), Outcome.IMPROVEMENT),
        (FIVE, times(0.97), Rule(), Outcome.UNCHANGED),
        # They overlap too much for so few.
        ([90, 150, 160], [100, 170, 180], Rule(0.05, 0), Outcome.UNCHANGED),
        # Nothing was swapped out before.
        ([0] * 5, [2 * MIB] * 5, Rule(), Outcome.REGRESSION),
    ],
)
def test_a_regression_is_improbable_and_larger_than_both_limits(
    base: list[int], new: list[int], rule: Rule, outcome: Outcome
) -> None:
    assert decide(base, new, rule).outcome is outcome


@pytest.mark.parametrize(("part", "outcome"), [(1.05, "unchanged"), (1.0501, "regression")])
def test_the_tolerance_itself_is_allowed(part: float, outcome: str) -> None:
    assert decide([100 * MIB] * 3, [round(part * 100 * MIB)] * 3, Rule()).outcome == outcome


@pytest.mark.parametrize(("before", "now"), [(1, 1), (2, 5), (5, 2)])
def test_fewer_than_three_runs_are_judged_by_the_tolerance_alone(before: int, now: int) -> None:
    decision = decide(FIVE[:before], times(1.2)[:now], Rule())
    assert decision.is_by_tolerance_alone
    assert decision.outcome is Outcome.REGRESSION


def test_a_growth_from_nothing_is_no_part_of_it() -> None:
    decision = decide([0], [MIB], Rule())
    assert (decision.growth_bytes, decision.growth_part) == (MIB, None)
