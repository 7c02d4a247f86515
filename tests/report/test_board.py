"""What a live display shows, from snapshot to snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.model import Memory, ProcessKey, Snapshot
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
    view = view_after((0.0, {7: 10}), (0.1, {7: 30}), (0.2, {7: 20}))
    (row,) = view.rows
    assert (row.pss_bytes, row.peak_bytes, row.trend) == (20, 30, (10, 30, 20))
    assert not row.ended
    assert (view.total.pss_bytes, view.trend, view.elapsed_s) == (20, (10, 30, 20), 0.2)


def test_the_trend_of_a_process_is_that_of_the_last_ten_ticks() -> None:
    view = view_after(*((n / 10, {7: n}) for n in range(1, 15)))
    assert view.rows[0].trend == tuple(range(5, 15))


def test_denied_processes_are_counted_and_have_no_peak() -> None:
    view = view_after((0.0, {7: 10, 8: None, 9: None}))
    assert view.unreadable == 2
    assert [row.peak_bytes for row in view.rows] == [10, None, None]


def test_a_process_that_was_denied_later_keeps_its_peak() -> None:
    assert view_after((0.0, {7: 10}), (0.1, {7: None})).rows[0].peak_bytes == 10


def test_a_process_that_has_ended_stays_for_two_seconds_in_its_place() -> None:
    before = (0.0, {7: 1, 8: 2, 9: 3})
    after = {7: 1, 9: 3}
    for elapsed_s in (0.1, 2.1):
        view = view_after(before, (0.1, after), (elapsed_s, after))
        assert pids(view) == [7, 8, 9]
        assert [row.ended for row in view.rows] == [False, True, False]
        # What it used last would contradict the total.
        assert (view.rows[1].memory, view.rows[1].peak_bytes) == (Memory(), 2)
    assert pids(view_after(before, (0.1, after), (2.2, after))) == [7, 9]


def test_one_after_the_other_may_end_and_all_keep_their_places() -> None:
    view = view_after(
        (0.0, {7: 1, 8: 2, 9: 3, 10: 4}),
        (0.1, {7: 1, 9: 3, 10: 4}),
        (0.2, {7: 1, 10: 4}),
        (0.3, {7: 1}),
    )
    assert pids(view) == [7, 8, 9, 10]
    assert [row.ended for row in view.rows] == [False, True, True, True]


def test_a_recycled_pid_is_another_row() -> None:
    shown = Shown()
    first = snapshot_of({7: 10})
    other = replace(first.processes[0], key=ProcessKey(7, 99))
    shown.take(first)
    shown.take(replace(first, elapsed_s=0.1, processes=(other,)))
    assert [(row.sample.key.start_ticks, row.ended) for row in shown.now.rows] == [
        (7, True),
        (99, False),
    ]


def test_the_view_at_the_peak_shows_the_peaks_snapshot() -> None:
    shown = Shown()
    shown.take(snapshot_of({7: 10, 8: 90}, elapsed_s=0.1))
    shown.take(snapshot_of({7: 20}, elapsed_s=5.0))
    view = shown.at_peak
    assert view.is_peak
    assert (view.elapsed_s, view.total.pss_bytes) == (0.1, 100)
    assert [(row.sample.key.pid, row.pss_bytes, row.ended) for row in view.rows] == [
        (7, 10, False),
        (8, 90, False),
    ]


def test_peaks_and_trends_at_the_peak_are_kept_though_all_have_ended() -> None:
    shown = Shown()
    top = snapshot_of({7: 10, 8: 90}, elapsed_s=0.1)
    for snapshot in (snapshot_of({7: 20, 8: 5}), top, snapshot_of({7: 1}, elapsed_s=9.0)):
        shown.take(snapshot)
    assert [(row.peak_bytes, row.trend, row.ended) for row in shown.at_peak.rows] == [
        (20, (20, 10), False),
        (90, (5, 90), False),
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
    assert len(set(pids(view))) == len(view.rows)
    assert [row.sample.key.pid for row in view.rows if not row.ended] == living[-1]
    assert {row.sample.key.pid for row in view.rows} == {pid for pids in living for pid in pids}


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
