"""What a live display shows, from snapshot to snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.model import Memory, ProcessKey, ReadStatus, Snapshot
from memstat.report.board import Board, View
from memstat.sampling.tally import Tally
from memstat.testing import snapshot_of


class Shown:
    """A board and a tally of the same snapshots; the board may skip some."""

    def __init__(self) -> None:
        self.board = Board()
        self.tally = Tally(0.1)

    def take(self, snapshot: Snapshot, *, is_skipped: bool = False) -> None:
        self.tally.observe(snapshot)
        if not is_skipped:
            self.board.take(snapshot)

    @property
    def now(self) -> View:
        view = self.board.view(self.tally)
        assert view is not None
        return view

    @property
    def at_peak(self) -> View:
        view = self.board.view_at_peak(self.tally)
        assert view is not None
        return view


def view_after(*snapshots: tuple[float, Mapping[int, int | None]]) -> View:
    """Return what is on display after snapshots, each given as its time and its sizes by PID."""
    shown = Shown()
    for elapsed_s, sizes in snapshots:
        shown.take(snapshot_of(sizes, elapsed_s=elapsed_s))
    return shown.now


def pids(view: View) -> list[int]:
    return [row.sample.key.pid for row in view.rows]


def test_before_the_first_snapshot_there_is_nothing_to_show() -> None:
    assert Board().view(Tally(0.1)) is None
    assert Board().view_at_peak(Tally(0.1)) is None


def test_a_row_has_the_newest_sizes_and_the_peak_and_trend_of_its_process() -> None:
    view = view_after((0.0, {7: 10}), (0.5, {7: 30}), (1.0, {7: 20}))
    (row,) = view.rows
    assert (row.pss_bytes, row.peak_bytes, row.trend) == (20, 30, (10, 30, 20))
    assert (view.total.pss_bytes, view.trend, view.elapsed_s) == (20, (10, 30, 20), 1.0)


def test_a_bar_is_the_largest_of_half_a_second() -> None:
    sizes = [1, 9, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1]
    view = view_after(*((n / 10, {7: size}) for n, size in enumerate(sizes)))
    assert view.rows[0].trend == (9, 6, 2)


def test_a_bar_is_one_sample_where_samples_are_rare() -> None:
    assert view_after((0.0, {7: 1}), (5.0, {7: 2}), (10.0, {7: 3})).rows[0].trend == (1, 2, 3)


def test_the_trend_of_a_process_is_that_of_the_last_twenty_seconds() -> None:
    view = view_after(*((n / 2, {7: n}) for n in range(50)))
    assert view.rows[0].trend == tuple(range(10, 50))


def test_growth_is_that_of_the_last_full_second_and_stands_still_within_one() -> None:
    shown = Shown()
    seen = []
    for n in range(31):
        shown.take(snapshot_of({7: 10 * n}, elapsed_s=n / 10))
        seen.append(shown.now.rows[0].growth_bytes)
    assert seen == [None] * 10 + [100] * 21


def test_growth_is_by_the_second_where_samples_are_rare() -> None:
    assert view_after((0.0, {7: 0}), (10.0, {7: 50})).rows[0].growth_bytes == 5


def test_what_has_come_later_has_grown_from_nothing_and_what_was_there_has_not() -> None:
    view = view_after((0.0, {7: 10}), (0.5, {7: 10, 8: 40}), (1.0, {7: 10, 8: 50}))
    assert [row.growth_bytes for row in view.rows] == [0, 50]


def test_the_rank_of_a_process_changes_once_a_second_or_by_much() -> None:
    shown = Shown()
    seen = []
    for n, size in enumerate([100, 101, 99, 100, 300, 301, 100, 101, 102, 103, 104, 103]):
        shown.take(snapshot_of({7: size}, elapsed_s=n / 10))
        seen.append(shown.now.rows[0].rank_bytes)
    assert seen == [100, 100, 100, 100, 300, 300, 100, 100, 100, 100, 104, 104]


def test_denied_processes_are_counted_and_have_no_peak() -> None:
    view = view_after((0.0, {7: 10, 8: None, 9: None}))
    assert view.unreadable == 2
    assert [row.peak_bytes for row in view.rows] == [10, None, None]


def test_a_process_that_was_denied_later_keeps_its_peak() -> None:
    assert view_after((0.0, {7: 10}), (0.1, {7: None})).rows[0].peak_bytes == 10


def test_a_process_that_has_ended_is_kept_for_two_seconds() -> None:
    before = (0.0, {7: 1, 8: 2, 9: 3})
    after = {7: 1, 9: 3}
    for elapsed_s in (0.1, 2.1):
        view = view_after(before, (0.1, after), (elapsed_s, after))
        assert pids(view) == [7, 9]
        assert [(row.sample.key.pid, row.peak_bytes) for row in view.ended] == [(8, 2)]
    assert not view_after(before, (0.1, after), (2.2, after)).ended


def test_those_that_have_ended_are_in_the_order_in_which_they_did() -> None:
    view = view_after((0.0, {7: 1, 8: 2, 9: 3, 10: 4}), (0.1, {7: 1, 8: 2, 10: 4}), (0.2, {7: 1}))
    assert [row.sample.key.pid for row in view.ended] == [9, 8, 10]


def test_one_that_was_missing_by_mistake_is_alive_again() -> None:
    view = view_after((0.0, {7: 1, 8: 2}), (0.1, {7: 1}), (0.2, {7: 1, 8: 3}))
    assert (pids(view), view.ended) == ([7, 8], ())


def test_one_that_ended_while_it_was_read_has_ended() -> None:
    both = snapshot_of({7: 10, 8: 20}, elapsed_s=0.1)
    gone = replace(both.processes[1], status=ReadStatus.GONE, memory=Memory())
    shown = Shown()
    shown.take(both)
    shown.take(replace(both, elapsed_s=0.2, processes=(both.processes[0], gone)))
    assert pids(shown.now) == [7]
    assert [(row.sample.key.pid, row.pss_bytes) for row in shown.now.ended] == [(8, 20)]


def test_a_recycled_pid_is_another_row() -> None:
    shown = Shown()
    first = snapshot_of({7: 10})
    other = replace(first.processes[0], key=ProcessKey(7, 99))
    shown.take(first)
    shown.take(replace(first, elapsed_s=0.1, processes=(other,)))
    assert [row.sample.key.start_ticks for row in shown.now.rows] == [99]
    assert [row.sample.key.start_ticks for row in shown.now.ended] == [7]


def test_the_view_at_the_peak_shows_the_peaks_snapshot() -> None:
    shown = Shown()
    shown.take(snapshot_of({7: 10, 8: 90}, elapsed_s=0.1))
    shown.take(snapshot_of({7: 20}, elapsed_s=5.0))
    view = shown.at_peak
    assert view.is_peak
    assert (view.elapsed_s, view.total.pss_bytes) == (0.1, 100)
    assert [(row.sample.key.pid, row.pss_bytes) for row in view.rows] == [(7, 10), (8, 90)]
    assert not view.ended


@pytest.mark.parametrize("is_last", [True, False])
def test_peaks_and_trends_at_the_peak_are_kept_though_all_have_ended(*, is_last: bool) -> None:
    shown = Shown()
    top = snapshot_of({7: 10, 8: 90}, elapsed_s=0.5)
    after = [] if is_last else [snapshot_of({7: 1}, elapsed_s=9.0)]
    for snapshot in (snapshot_of({7: 20, 8: 5}), top, *after):
        shown.take(snapshot)
    assert [(row.peak_bytes, row.trend) for row in shown.at_peak.rows] == [
        (20, (20, 10)),
        (90, (5, 90)),
    ]


@given(st.lists(st.integers(0, 100), min_size=1), st.integers(1, 5))
def test_peaks_are_those_of_all_snapshots_though_a_slow_display_skips_some(
    sizes: list[int], every: int
) -> None:
    shown = Shown()
    for n, size in enumerate(sizes):
        shown.take(snapshot_of({7: size}, elapsed_s=n / 10), is_skipped=n % every != 0)
    (now,), (at_peak,) = shown.now.rows, shown.at_peak.rows
    assert now.peak_bytes == at_peak.peak_bytes == at_peak.pss_bytes == max(sizes)
    assert shown.now.peak is not None
    assert shown.now.peak.pss_bytes == max(sizes)


def test_at_a_peak_that_was_skipped_each_process_has_its_peak_until_then() -> None:
    shown = Shown()
    shown.take(snapshot_of({7: 30, 8: 5}))
    shown.take(snapshot_of({7: 20, 8: 60, 9: 7}, elapsed_s=0.1), is_skipped=True)
    shown.take(snapshot_of({7: 40, 8: 5}, elapsed_s=0.2))
    rows = [(row.sample.key.pid, row.pss_bytes, row.peak_bytes) for row in shown.at_peak.rows]
    assert rows == [(7, 20, 30), (8, 60, 60), (9, 7, 7)]


LIVES = st.dictionaries(
    st.integers(2, 9), st.tuples(st.integers(0, 10), st.integers(0, 10)).map(sorted)
)
"""From which snapshot to which each process lives; none comes back."""


@given(LIVES, st.integers(1, 10))
def test_every_process_of_the_snapshot_is_shown_once_and_in_its_order(
    lives: dict[int, list[int]], snapshots: int
) -> None:
    living = [
        [1, *(pid for pid, (first, last) in sorted(lives.items()) if first <= n < last)]
        for n in range(snapshots)
    ]
    view = view_after(*((n / 10, dict.fromkeys(pids, n)) for n, pids in enumerate(living)))
    ended = [row.sample.key.pid for row in view.ended]
    assert pids(view) == living[-1]
    assert len(set(ended)) == len(ended)
    assert {*ended} == {pid for pids in living for pid in pids} - {*living[-1]}


@pytest.mark.parametrize(
    ("ages_s", "shown_s"), [((None, None), None), ((0.0, None), 0.0), ((1.5, 0.2), 1.5)]
)
def test_the_oldest_walk_is_that_of_an_estimate(
    ages_s: tuple[float | None, ...], shown_s: float | None
) -> None:
    walked = snapshot_of({7: 10, 8: 20})
    processes = tuple(
        replace(process, walk_age_s=age_s)
        for process, age_s in zip(walked.processes, ages_s, strict=True)
    )
    shown = Shown()
    shown.take(replace(walked, processes=processes))
    assert (shown.now.walk_age_s, shown.at_peak.walk_age_s) == (shown_s, shown_s)


def test_after_a_reset_the_table_at_the_peak_is_that_of_the_peak_since_then() -> None:
    shown = Shown()
    for elapsed_s, size in ((0.0, 50), (0.5, 10)):
        shown.take(snapshot_of({7: size}, elapsed_s=elapsed_s))
    shown.tally.reset(0.6)
    shown.board.reset_peak()
    for elapsed_s, size in ((1.0, 20), (1.5, 5)):
        shown.take(snapshot_of({7: size}, elapsed_s=elapsed_s))
    (row,) = shown.at_peak.rows
    # The peak of the process goes on; its trend is up to the peak that the table is about.
    assert (row.pss_bytes, row.peak_bytes, row.trend) == (20, 50, (50, 10, 20))


def test_a_snapshot_from_before_the_last_one_begins_everything_anew() -> None:
    board, tally = Board(), Tally(0.1)
    for elapsed_s, size in ((0.0, 1), (5.0, 9), (1.0, 2)):
        snapshot = snapshot_of({7: size}, elapsed_s=elapsed_s)
        tally.observe(snapshot)
        board.take(snapshot)
    view = board.view(tally)
    assert view is not None
    assert view.trend == (2,)
    assert view.rows[0].growth_bytes is None
