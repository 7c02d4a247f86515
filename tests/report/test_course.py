"""How a total has developed, by parts of the time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from memstat.model import Memory, Snapshot
from memstat.report.course import Course
from memstat.testing import snapshot_of


def at(elapsed_s: float, size: int, *, tick: int = 0, missed_ticks: int = 0) -> Snapshot:
    snapshot = snapshot_of({7: size}, tick=tick, elapsed_s=elapsed_s)
    return replace(snapshot, missed_ticks=missed_ticks)


def course_of(*snapshots: Snapshot) -> Course:
    course = Course()
    for snapshot in snapshots:
        course.add(snapshot)
    return course


def test_each_column_has_the_largest_total_of_its_time() -> None:
    course = course_of(*(at(second, size) for second, size in enumerate((1, 9, 2, 3, 8, 4, 5, 5))))
    assert course.columns(4) == [9, 3, 8, 5]


def test_a_total_stays_until_there_is_another_one() -> None:
    course = course_of(at(0.0, 5), at(2.0, 7), at(4.0, 1))
    assert course.columns(8) == [5, 5, 5, 5, 7, 7, 7, 1]


def test_of_ticks_that_were_missed_nothing_is_known() -> None:
    course = course_of(at(0, 5), at(1, 6, tick=1), at(8, 7, tick=8, missed_ticks=6))
    assert course.columns(8) == [5, 6, None, None, None, None, None, 7]


def test_of_an_interruption_nothing_is_known() -> None:
    course = Course()
    course.add(at(0.0, 5))
    course.interrupt(2.0)
    course.add(at(8.0, 6, tick=80))
    assert course.columns(4) == [5, None, None, 6]


def test_a_total_that_could_not_be_measured_is_not_0() -> None:
    unknown = replace(at(1.0, 0), total=Memory())
    assert course_of(at(0.0, 5), unknown, at(4.0, 6)).columns(4) == [5, None, None, 6]


def test_a_single_snapshot_is_all_there_is() -> None:
    assert course_of(at(0.0, 5)).columns(3) == [5, 5, 5]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=300), st.integers(1, 50))
def test_no_peak_is_lost_however_little_is_kept(sizes: list[int], width: int) -> None:
    few, all_kept = Course(most_points=8), Course()
    for tick, size in enumerate(sizes):
        for course in (few, all_kept):
            course.add(at(tick / 10, size, tick=tick))
    known = [size for size in few.columns(width) if size is not None]
    assert max(known) == max(sizes)
    for column, largest in enumerate(all_kept.columns(width)):
        within = [s for t, s in enumerate(sizes) if all_kept.column_of(t / 10, width) == column]
        assert not within or largest == max(within)
