"""The test of Mann and Whitney against its definition."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.comparing import ranks
from memstat.comparing.ranks import p_larger

few = st.lists(st.integers(0, 6), min_size=1, max_size=5)


def by_definition(base: list[int], new: list[int]) -> float:
    """Count the divisions whose second part wins at least as many pairs, a tie half a win."""
    values = [*base, *new]

    def wins(chosen: set[int]) -> int:
        others = set(range(len(values))) - chosen
        return sum(
            2 * (values[one] > values[other]) + (values[one] == values[other])
            for one in chosen
            for other in others
        )

    observed = wins(set(range(len(base), len(values))))
    divisions = [wins(set(chosen)) for chosen in combinations(range(len(values)), len(new))]
    return sum(won >= observed for won in divisions) / len(divisions)


@given(few, few)
def test_it_is_the_part_of_divisions_that_are_no_less_extreme(
    base: list[int], new: list[int]
) -> None:
    assert p_larger(base, new) == pytest.approx(by_definition(base, new), rel=1e-12)


@pytest.mark.parametrize(("runs", "p"), [(1, 1 / 2), (2, 1 / 6), (3, 1 / 20), (5, 1 / 252)])
def test_runs_that_do_not_overlap_are_as_improbable_as_can_be(runs: int, p: float) -> None:
    assert p_larger([*range(runs)], [*range(runs, 2 * runs)]) == p


def test_many_runs_are_judged_by_an_approximation_that_is_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base, new = [*range(0, 30, 2), 7, 7], [*range(5, 35, 2), 7, 30]
    exact = p_larger(base, new)
    monkeypatch.setattr(ranks, "MOST_EXACT", 20)
    assert p_larger(base, new) == pytest.approx(exact, rel=0.05)
    assert p_larger([1] * 30, [1] * 30) == 1.0


def test_without_any_run_there_is_nothing_to_test() -> None:
    with pytest.raises(ValueError, match="empty"):
        p_larger([], [1])
