"""The course of a measurement in few instants, each of them true."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memstat.charts.course import halved
from memstat.charts.frames import Frame
from memstat.charts.joining import Gap, Source, joined, moments
from memstat.testing import snapshot_of
from tests.charts.made import course, snapshots

SIZES = st.lists(st.integers(0, 50), min_size=1, max_size=60)


def points(frames: tuple[Frame, ...]) -> list[tuple[float, int]]:
    return [(frame.elapsed_s, frame.pss_bytes) for frame in frames]


@given(SIZES, st.integers(1, 8))
def test_every_point_is_one_that_was_and_the_peak_is_the_first_of_the_largest(
    sizes: list[int], most_columns: int
) -> None:
    taken = snapshots([{7: size, 8: 1} for size in sizes])
    real = [(snapshot.elapsed_s, snapshot.total.pss_bytes) for snapshot in taken]
    made = course(taken, most_columns=most_columns)
    assert set(points(made.frames)) <= {*real}
    assert points(made.frames) == sorted({*points(made.frames)})
    assert len(made.frames) <= 2 * most_columns
    largest = max(sizes) + 1
    assert (made.peak.elapsed_s, made.peak.pss_bytes) == next(p for p in real if p[1] == largest)
    assert min(frame.pss_bytes for frame in made.frames) == min(sizes) + 1
    assert made.end_s == taken[-1].elapsed_s
    assert all(sum(frame.pss) == frame.pss_bytes for frame in made.frames)


@given(SIZES)
def test_wider_columns_keep_the_peak(sizes: list[int]) -> None:
    made = course(snapshots([{7: size} for size in sizes]))
    wider = halved(halved(made))
    assert set(points(wider.frames)) <= set(points(made.frames))
    assert points((wider.peak,)) == points((made.peak,))


def test_a_process_that_has_executed_another_program_is_another() -> None:
    before = snapshots([{7: 5}], names={7: "sh"})
    (after,) = snapshots([{7: 9}], names={7: "cc1"})
    made = course([*before, after])
    assert {entry.process.name for entry in made.entries} == {"sh", "cc1"}


def test_only_entries_of_instants_that_are_kept_are_known() -> None:
    taken = snapshots([{7: 5, 8: 5}, {7: 7}, {7: 9, 9: 9}, {7: 8}])
    made = course(taken, most_columns=1)
    assert [entry.process.pid for entry in made.entries] == [7, 9]


def test_a_longer_time_without_a_sample_is_a_gap_also_where_nothing_was_known() -> None:
    taken = [
        snapshot_of({7: 5}),
        snapshot_of({7: None}, elapsed_s=1.0),
        snapshot_of({7: 6}, elapsed_s=2.0),
        snapshot_of({7: 6}, elapsed_s=2.2),
    ]
    assert course(taken).gaps == (Gap(0.0, 2.0),)
    assert course(taken, most_columns=1).gaps == ()  # It is narrower than the column.


def test_nothing_known_is_no_course() -> None:
    assert [*moments([snapshot_of({7: None})], 0.1)] == []


def test_between_two_recordings_there_is_nothing() -> None:
    early = Source([snapshot_of({7: 5})], 0.1, 100.0)
    late = Source([snapshot_of({7: 6}), snapshot_of({7: 7}, elapsed_s=0.1)], 0.1, 160.0)
    assert [
        (moment.elapsed_s, moment.pss_bytes)
        for moment in joined([early, late])
        if not isinstance(moment, Gap)
    ] == [(0.0, 5), (0.1, 0), (60.0, 6), (60.1, 7)]
