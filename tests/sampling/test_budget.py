"""What walks may cost, and when they are due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.model import ProcessKey
from memstat.sampling.budget import CORE_SHARE, Budget

SHARE = 0.02
GRACE_S = 0.014
SAVED_S = 5.0
SMALL, MIDDLE, LARGE = 1 << 20, 256 << 20, 4 << 30
PROCESS, OTHER = ProcessKey(1, 1), ProcessKey(2, 2)


@pytest.fixture
def budget() -> Budget:
    """A budget of which nothing is spent; the last round of walks was just now."""
    budget = Budget(SHARE, interval_s=0.1)
    budget.meet(PROCESS, SMALL, now_s=0.0)
    budget.charge({}, 0, now_s=0.0)
    return budget


def is_due(
    budget: Budget,
    now_s: float,
    *,
    size: int = SMALL,
    loose: float = 1.0,
    has_changed: bool = True,
) -> bool:
    return budget.is_due({PROCESS: size}, now_s, loose=loose, has_changed=has_changed)


def test_the_first_walk_is_due_at_once() -> None:
    budget = Budget(SHARE, interval_s=0.1)
    budget.meet(PROCESS, SMALL, now_s=0.0)
    assert is_due(budget, 0.0, size=LARGE, loose=0.0, has_changed=False)


def test_small_trees_are_walked_whenever_they_change(budget: Budget) -> None:
    assert is_due(budget, 0.0, loose=0.0)


def test_a_large_process_is_walked_only_when_its_bounds_are_loose(budget: Budget) -> None:
    assert not is_due(budget, 0.0, size=LARGE, loose=0.005)
    assert is_due(budget, 0.0, size=LARGE, loose=0.006)


def test_many_small_processes_are_walked_only_when_their_bounds_are_loose(budget: Budget) -> None:
    sizes = {ProcessKey(pid, 1): SMALL for pid in range(300)}
    assert not budget.is_due(sizes, 0.0, loose=0.0, has_changed=True)
    assert budget.is_due(sizes, 0.0, loose=0.1, has_changed=True)


def test_what_takes_long_to_walk_is_refreshed_for_a_thousandth_of_its_time(budget: Budget) -> None:
    def is_refreshed(at_s: float, size: int) -> bool:
        return is_due(budget, at_s, size=size, loose=0.0, has_changed=False)

    assert not is_refreshed(9.9, SMALL)
    assert is_refreshed(10.1, SMALL)
    # 20 ns for a page, until a walk has shown something else.
    walk_s = LARGE / 1024 * 20e-9
    assert not is_refreshed(999 * walk_s, LARGE)
    assert is_refreshed(1002 * walk_s, LARGE)


def test_what_has_not_changed_is_not_walked(budget: Budget) -> None:
    budget.charge({PROCESS: 0.0001}, SMALL, 0.0)
    assert not is_due(budget, 1.0, has_changed=False)


def test_after_a_while_all_are_walked_whatever_the_bounds(budget: Budget) -> None:
    budget.charge({PROCESS: 0.0001}, SMALL, 0.0)
    assert not is_due(budget, 10.0, size=MIDDLE, loose=0.0, has_changed=False)
    assert is_due(budget, 10.1, size=MIDDLE, loose=0.0, has_changed=False)


def test_without_a_budget_nothing_is_walked() -> None:
    budget = Budget(0.0, interval_s=0.1)
    budget.meet(PROCESS, SMALL, 0.0)
    assert not is_due(budget, 100.0)


def test_who_was_walked_earns_before_the_next(budget: Budget) -> None:
    """At 2 %, 60 ms take 3 s to earn, of which the grace is 0.7 s."""
    budget.charge({PROCESS: 0.060}, SMALL, 0.0)
    assert not is_due(budget, 2.2)
    assert is_due(budget, 2.4)


def test_one_in_debt_holds_up_the_walk_of_all(budget: Budget) -> None:
    budget.meet(OTHER, SMALL, 0.0)
    budget.charge({OTHER: 0.060}, SMALL, 0.0)
    both = {PROCESS: SMALL, OTHER: SMALL}
    assert not budget.is_due(both, 2.0, loose=1.0, has_changed=True)
    assert is_due(budget, 2.0), "it is not asked for"
    assert budget.is_due(both, 2.4, loose=1.0, has_changed=True)


def test_the_debt_of_who_has_ended_is_forgotten(budget: Budget) -> None:
    budget.charge({PROCESS: 0.060}, SMALL, 0.0)
    budget.forget(PROCESS)
    budget.forget(PROCESS)
    assert is_due(budget, 2.0)


def test_a_large_newcomer_earns_its_first_walk(budget: Budget) -> None:
    """4 GiB take 84 ms to walk: of these, it has to earn 70."""
    budget.meet(OTHER, LARGE, 0.0)
    sizes = {OTHER: LARGE}
    assert not budget.is_due(sizes, 3.4, loose=1.0, has_changed=True)
    assert budget.is_due(sizes, 3.6, loose=1.0, has_changed=True)


def test_execve_does_not_pay_debts(budget: Budget) -> None:
    budget.charge({PROCESS: 0.060}, SMALL, 0.0)
    budget.meet(PROCESS, SMALL, 1.0)
    assert not is_due(budget, 2.2)


def test_memstat_itself_is_held_to_a_part_of_a_core(budget: Budget) -> None:
    """A hundred walks of 5 ms are 0.5 s: at 5 %, 10 s. It has saved what 5 s earn."""
    costs_s = {ProcessKey(pid, 1): 0.005 for pid in range(100)}
    budget.charge(costs_s, SMALL, 0.0)
    assert not is_due(budget, 4.9)
    assert is_due(budget, 5.1)


def test_what_a_byte_costs_is_learned(budget: Budget) -> None:
    """Memory in huge pages is walked fast: what seemed expensive is cheap."""
    assert not is_due(budget, 0.0, size=LARGE, loose=0.0)
    for second in range(20):
        budget.charge({PROCESS: 0.0001}, LARGE, second)
    assert is_due(budget, 20.0, size=LARGE, loose=0.0)


COSTS = st.lists(st.floats(0.0, 0.2), min_size=3, max_size=3)
STEPS = st.lists(
    st.tuples(
        st.floats(0.001, 3.0),  # seconds later
        st.integers(0, 2),  # somebody
        st.sampled_from(["nothing", "nothing", "meet", "execve", "end"]),
        st.sampled_from([SMALL, LARGE]),
        COSTS,
    ),
    max_size=40,
)


@given(STEPS)
def test_nobody_is_held_up_longer_than_it_earned_but_for_one_walk(
    steps: list[tuple[float, int, str, int, list[float]]],
) -> None:
    """And memstat takes no more of a core than it may, but for one round."""
    budget = Budget(SHARE, interval_s=0.1)
    born_s: dict[ProcessKey, float] = {}
    sizes: dict[ProcessKey, int] = {}
    walks_s: dict[ProcessKey, list[float]] = {}
    rounds_s = []
    now_s = 0.0
    for number, (later_s, place, what, size, costs) in enumerate(steps):
        now_s += later_s
        key = [*sizes][place % len(sizes)] if sizes else None
        if key is None or what == "meet":
            key = ProcessKey(number, number)
            born_s[key], walks_s[key] = now_s, []
            sizes[key] = size
            budget.meet(key, size, now_s)
        elif what == "execve":
            sizes[key] = size
            budget.meet(key, size, now_s)
        elif what == "end":
            del sizes[key]
            budget.forget(key)
        if budget.is_due(sizes, now_s, loose=1.0, has_changed=True):
            costs_s = {key: costs[place % 3] for place, key in enumerate(sizes)}
            budget.charge(costs_s, sum(sizes.values()), now_s)
            rounds_s.append(sum(costs_s.values()))
            for key, cost_s in costs_s.items():
                walks_s[key].append(cost_s)
                earned_s = SHARE * (now_s - born_s[key]) + GRACE_S
                assert sum(walks_s[key][:-1]) <= earned_s + 1e-9
            assert sum(rounds_s[:-1]) <= CORE_SHARE * (now_s + SAVED_S) + 1e-9


def test_what_is_owed_besides_walks_keeps_these_back(budget: Budget) -> None:
    assert budget.owe({PROCESS: 0.1, OTHER: 0.1}, 0.0) == 0.2
    until_s = 0.1 / SHARE - GRACE_S / SHARE
    assert not is_due(budget, until_s - 0.1)
    assert is_due(budget, until_s + 0.1)
