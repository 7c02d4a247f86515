"""The grid of ticks. Binary fractions, so that all sums are exact."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from memstat.sampling.clock import Tick, TickGrid

INTERVALS_S = st.integers(-6, 6).map(lambda power: 2.0**power)
PASSING_S = st.lists(st.integers(0, 1 << 14).map(lambda n: n / 64), min_size=1, max_size=40)


def test_ticks_in_time_are_all_kept() -> None:
    grid = TickGrid(0.5)
    ticks = [grid.begin(elapsed_s) for elapsed_s in (0.0, 0.5, 1.1, 1.9)]
    assert ticks == [Tick(0, 0.0, 0), Tick(1, 0.5, 0), Tick(2, 1.0, 0), Tick(3, 1.5, 0)]
    assert grid.next_s == 2.0


def test_late_ticks_are_skipped_and_counted() -> None:
    grid = TickGrid(0.5)
    grid.begin(0.0)
    assert grid.begin(2.25) == Tick(4, 2.0, 3)
    assert grid.next_s == 2.5
    assert grid.begin(2.5) == Tick(5, 2.5, 3)


def test_a_tick_that_is_begun_early_is_still_the_next() -> None:
    grid = TickGrid(0.5)
    grid.begin(0.0)
    assert grid.begin(0.499) == Tick(1, 0.5, 0)


def test_a_last_sample_between_two_ticks_repeats_the_index_before_it() -> None:
    grid = TickGrid(0.5)
    grid.begin(0.0)
    assert grid.begin_last(0.2) == Tick(0, 0.0, 0)


def test_a_last_sample_that_is_late_counts_what_was_missed() -> None:
    grid = TickGrid(0.5)
    grid.begin(0.0)
    assert grid.begin_last(1.7) == Tick(3, 1.5, 2)


def test_a_last_sample_can_be_the_first() -> None:
    assert TickGrid(0.5).begin_last(0.0) == Tick(0, 0.0, 0)


@given(INTERVALS_S, PASSING_S)
def test_kept_and_missed_ticks_are_all_that_were_due(
    interval_s: float, pauses: list[float]
) -> None:
    grid = TickGrid(interval_s)
    for kept, elapsed_s in enumerate(accumulate(pauses), 1):
        tick = grid.begin(elapsed_s)
        assert kept + tick.missed_ticks == tick.number + 1
        assert tick.due_s == tick.number * interval_s


@given(INTERVALS_S, PASSING_S)
def test_the_next_tick_is_never_in_the_past_nor_further_than_one_interval(
    interval_s: float, pauses: list[float]
) -> None:
    grid, elapsed_s = TickGrid(interval_s), 0.0
    for pause_s in pauses:
        elapsed_s = max(elapsed_s + pause_s, grid.next_s)
        tick = grid.begin(elapsed_s)
        assert tick.due_s <= elapsed_s < grid.next_s
        assert grid.next_s - tick.due_s == interval_s


@given(INTERVALS_S, PASSING_S, st.integers(0, 1 << 14).map(lambda n: n / 64))
def test_a_last_sample_is_never_before_the_tick_it_bears(
    interval_s: float, pauses: list[float], rest_s: float
) -> None:
    grid, elapsed_s = TickGrid(interval_s), 0.0
    for pause_s in pauses:
        elapsed_s = max(elapsed_s + pause_s, grid.next_s)
        before = grid.begin(elapsed_s)
    last = grid.begin_last(elapsed_s + rest_s)
    assert before.number <= last.number
    assert last.due_s <= elapsed_s + rest_s < last.due_s + interval_s
    assert last.missed_ticks - before.missed_ticks == max(0, last.number - before.number - 1)
