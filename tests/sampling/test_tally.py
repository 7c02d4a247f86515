"""The running peaks and the quality of a sampling."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.model import Memory, Snapshot
from memstat.results import SamplingStats
from memstat.sampling.stats import RunningStats
from memstat.sampling.tally import RunningPeak, Tally
from memstat.testing import snapshot_of

TOTALS = st.lists(st.none() | st.integers(0, 1 << 50), max_size=30)


@given(TOTALS)
def test_the_peak_is_the_earliest_of_the_largest_known_totals(totals: list[int | None]) -> None:
    running = RunningPeak()
    snapshots = [snapshot_of({7: total}, tick=tick) for tick, total in enumerate(totals)]
    known: list[int] = []
    for snapshot, total in zip(snapshots, totals, strict=True):
        running.observe(snapshot)
        known += [] if total is None else [total]
        assert (None if running.peak is None else running.peak.pss_bytes) == max(
            known, default=None
        )
    if running.peak is not None:
        assert running.peak.snapshot is snapshots[totals.index(running.peak.pss_bytes)]


def test_a_peak_tells_when_it_was() -> None:
    running = RunningPeak()
    running.observe(snapshot_of({7: 4096}, elapsed_s=1.5))
    assert running.peak is not None
    assert running.peak.elapsed_s == 1.5


def test_an_incomplete_snapshot_can_be_the_peak_by_what_is_known() -> None:
    running = RunningPeak()
    running.observe(snapshot_of({7: 4096}))
    running.observe(snapshot_of({7: 8192, 8: None}))
    assert running.peak is not None
    assert (running.peak.pss_bytes, running.peak.snapshot.complete) == (8192, False)


def swept(elapsed_s: float = 0.0, sweep_s: float = 0.001) -> Snapshot:
    return replace(snapshot_of({7: 4096}, elapsed_s=elapsed_s), sweep_s=sweep_s)


def test_without_samples_nothing_is_known() -> None:
    assert RunningStats(0.1).stats() == SamplingStats(0.1, 0, 0, 0, None, None, None)


def test_samples_are_counted_and_gaps_measured() -> None:
    running = RunningStats(0.5)
    running.observe(swept(0.0))
    assert running.stats().longest_gap_s is None
    for elapsed_s in (0.5, 1.75, 2.0):
        running.observe(replace(swept(elapsed_s), missed_ticks=2))
    running.observe(replace(snapshot_of({7: None}, elapsed_s=2.5), missed_ticks=2))
    stats = running.stats()
    assert (stats.interval_s, stats.samples, stats.missed_ticks) == (0.5, 5, 2)
    assert stats.incomplete_samples == 1
    assert stats.longest_gap_s == 1.25


@given(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=60))
def test_the_median_duration_is_right_to_a_hundredth_and_the_longest_exactly(
    durations: list[float],
) -> None:
    running = RunningStats(0.1)
    for duration_s in durations:
        running.observe(swept(sweep_s=duration_s))
    stats = running.stats()
    assert stats.sweep_max_s == max(durations)
    # Of an even number, the smaller one of the middle.
    assert stats.sweep_median_s == pytest.approx(statistics.median_low(durations), rel=0.01)


def test_a_duration_of_zero_is_taken_as_it_is() -> None:
    running = RunningStats(0.1)
    running.observe(swept(sweep_s=0.0))
    assert running.stats().sweep_max_s == 0.0


def test_days_of_sampling_take_no_more_memory_than_a_minute() -> None:
    running = RunningStats(0.1)
    for number in range(20_000):
        running.observe(swept(sweep_s=1e-6 * 1.001**number))
    # From a microsecond to minutes in steps of 2 %.
    assert len(running._durations) <= 1020
    assert running.stats().samples == 20_000


def observed(*totals: tuple[float, int | None]) -> Tally:
    tally = Tally(0.1)
    for elapsed_s, pss_bytes in totals:
        tally.observe(snapshot_of({7: pss_bytes}, elapsed_s=elapsed_s))
    return tally


def peak_bytes(tally: Tally) -> int | None:
    return None if tally.peak is None else tally.peak.pss_bytes


def test_a_mark_has_the_peak_since_the_mark_before() -> None:
    tally = observed((0.1, 10), (0.2, 30))
    first = tally.mark("first", 0.25)
    tally.observe(snapshot_of({7: 20}, elapsed_s=0.3))
    second = tally.mark("second", 0.35)
    assert first.peak is not None
    assert second.peak is not None
    assert (first.peak.pss_bytes, first.peak.elapsed_s) == (30, 0.2)
    assert (second.peak.pss_bytes, second.peak.elapsed_s) == (20, 0.3)
    assert tally.marks == (first, second)


def test_a_mark_without_a_sample_has_no_peak() -> None:
    tally = observed((0.1, 10))
    tally.mark("first", 0.2)
    assert tally.mark("second", 0.2).peak is None


def test_a_mark_where_nothing_could_be_measured_has_no_peak() -> None:
    assert observed((0.1, None)).mark("denied", 0.2).peak is None


def test_marks_leave_the_peak_alone() -> None:
    tally = observed((0.1, 30))
    tally.mark("loaded", 0.2)
    tally.observe(snapshot_of({7: 20}, elapsed_s=0.3))
    assert peak_bytes(tally) == 30


def test_a_reset_begins_the_peak_anew_and_leaves_marks_and_whole_alone() -> None:
    tally = observed((0.1, 30))
    tally.reset(0.2)
    assert tally.peak is None
    tally.observe(snapshot_of({7: 20}, elapsed_s=0.3))
    assert peak_bytes(tally) == 20
    mark = tally.mark("end", 0.4)
    assert mark.peak is not None
    assert mark.peak.pss_bytes == 30
    assert tally.whole_peak is not None
    assert tally.whole_peak.pss_bytes == 30


@pytest.mark.parametrize("boundary", ["reset", "mark"])
def test_a_sweep_under_way_at_a_boundary_belongs_to_neither_side(boundary: str) -> None:
    tally = observed((0.1, 10))
    if boundary == "reset":
        tally.reset(0.3)
    else:
        tally.mark("before", 0.3)
    tally.observe(snapshot_of({7: 99}, elapsed_s=0.29))
    tally.observe(snapshot_of({7: 20}, elapsed_s=0.4))
    after = tally.peak if boundary == "reset" else tally.mark("after", 0.5).peak
    assert after is not None
    assert after.pss_bytes == 20


# The peak of each process


def pss_of(tally: Tally) -> dict[int, int]:
    return {key.pid: pss_bytes for key, pss_bytes in tally.process_peaks.items()}


def test_each_process_keeps_its_own_peak() -> None:
    tally = Tally(0.1)
    for sizes in ({1: 10, 2: 50}, {1: 30, 2: None}, {1: 20, 2: 40}):
        tally.observe(snapshot_of(sizes))
    assert pss_of(tally) == {1: 30, 2: 50}


def test_the_peak_of_a_process_outlives_it_by_some_seconds_and_is_then_forgotten() -> None:
    tally = Tally(0.1)
    tally.observe(snapshot_of({1: 10, 2: 50}, elapsed_s=1.0))
    tally.observe(snapshot_of({1: 10}, elapsed_s=1.1))
    tally.observe(snapshot_of({1: 10}, elapsed_s=4.0))
    assert pss_of(tally) == {1: 10, 2: 50}
    tally.observe(snapshot_of({1: 10}, elapsed_s=9.0))
    assert pss_of(tally) == {1: 10}


def test_processes_that_come_and_go_for_hours_take_no_more_memory_than_a_few() -> None:
    tally = Tally(0.1)
    for tick in range(20_000):
        tally.observe(snapshot_of({1: 10, 2 + tick: 5}, elapsed_s=tick / 10))
    assert len(tally.process_peaks) < 100


def test_the_peaks_of_processes_at_the_peak_stay_as_they_were_then() -> None:
    tally = Tally(0.1)
    tally.observe(snapshot_of({1: 30, 2: 10}, elapsed_s=0.1))
    tally.observe(snapshot_of({1: 20, 2: 50}, elapsed_s=0.2))
    tally.observe(snapshot_of({1: 40, 2: 1}, elapsed_s=0.3))
    at_peak = {key.pid: pss for key, pss in tally.process_peaks_at_peak.items()}
    assert at_peak == {1: 30, 2: 50}
    assert pss_of(tally) == {1: 40, 2: 50}


def estimated(low: int, best: int, high: int) -> Snapshot:
    """Return a snapshot of a process that is known by bounds."""
    whole = snapshot_of({1: best})
    memory = Memory(pss_bytes=best, pss_low_bytes=low, pss_high_bytes=high)
    return replace(whole, processes=(replace(whole.processes[0], memory=memory),))


@pytest.mark.parametrize(
    ("seen", "bounds"),
    [
        ([(10, 10, 10)], None),
        ([(8, 10, 15)], (8, 15)),
        ([(20, 20, 20), (8, 10, 15)], None),
        ([(20, 20, 20), (8, 10, 25)], (20, 25)),
        ([(8, 10, 15), (12, 12, 12)], (12, 15)),
        ([(8, 10, 15), (18, 18, 18)], None),
        ([(8, 10, 15), (9, 9, 30)], (9, 30)),
    ],
)
def test_the_peak_of_a_process_lies_between_the_largest_of_its_bounds(
    seen: list[tuple[int, int, int]], bounds: tuple[int, int] | None
) -> None:
    tally = Tally(0.1)
    for one in seen:
        tally.observe(estimated(*one))
    assert [*tally.process_peak_bounds.values()] == ([] if bounds is None else [bounds])
    assert tally.process_peaks_at_peak.keys() == tally.process_peaks.keys()


def test_bounds_are_forgotten_with_their_process() -> None:
    tally = Tally(0.1)
    tally.observe(estimated(8, 10, 15))
    tally.observe(snapshot_of({2: 5}, elapsed_s=0.1))
    tally.observe(snapshot_of({2: 5}, elapsed_s=9.0))
    assert not tally.process_peak_bounds
    assert [*tally.process_peak_bounds_at_peak.values()] == [(8, 15)]


# Defects


def test_the_first_snapshot_with_each_kind_of_defect_is_kept() -> None:
    tally = Tally(0.1)
    whole = snapshot_of({7: 5})
    denied = snapshot_of({7: 5, 8: None}, tick=1)
    missing = replace(denied, tick=2, missing_reason="a mishap")
    for snapshot in (whole, denied, replace(denied, tick=9), missing, missing, denied):
        tally.observe(snapshot)
    assert tally.partial == (denied, missing)
    tally.restart(1.0)
    assert not tally.partial


# Beginning anew


def test_a_restart_forgets_everything_but_the_latest_snapshot() -> None:
    tally = observed((0.1, 30))
    tally.mark("loaded", 0.2)
    tally.restart(0.3)
    assert tally.latest is not None
    assert (tally.peak, tally.whole_peak, tally.marks, tally.stats.samples) == (None, None, (), 0)
    assert (tally.process_peaks, tally.process_peaks_at_peak) == ({}, {})
    tally.observe(snapshot_of({7: 20}, elapsed_s=0.4))
    assert peak_bytes(tally) == 20


def test_the_limit_keeps_the_first_snapshot_above_it() -> None:
    tally = Tally(0.1, max_pss_bytes=20)
    exceeded = []
    for total in (20, 30, 90):
        tally.observe(snapshot_of({7: total}))
        assert tally.limit is not None
        exceeded.append(tally.limit.exceeded)
    assert exceeded == [None, snapshot_of({7: 30}), snapshot_of({7: 30})]
    assert Tally(0.1).limit is None


def test_the_gap_before_the_end_counts() -> None:
    running = RunningStats(0.5)
    running.end(1.0)
    assert running.stats().longest_gap_s is None
    running.observe(swept(1.0))
    running.end(1.25)
    assert running.stats().longest_gap_s == 0.25


def test_ticks_that_were_missed_while_it_was_stopped_are_known() -> None:
    running = RunningStats(0.1)
    running.observe(swept(0.0))
    running.resumed(2.0)
    # Begun before the stop, finished after it.
    running.observe(swept(0.1))
    running.observe(replace(swept(2.05), missed_ticks=18))
    running.observe(replace(swept(2.4), missed_ticks=20))
    assert (running.stats().missed_ticks, running.stats().stopped_ticks) == (20, 18)
