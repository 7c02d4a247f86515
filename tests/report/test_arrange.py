"""Which rows a view has in a given room, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.report.arrange import arrange
from memstat.report.board import ProcessRow
from memstat.report.entries import Entry, State
from memstat.report.keys import Scroll
from memstat.report.listing import parents_of
from memstat.report.view_options import Order, ViewOptions
from tests.report.views import MIB, USUAL, denied, row, view_of

FLAT = ViewOptions(is_flat=True)
FOLDED = ViewOptions(is_folded=True)
TREE = (
    row(1, "make", 1, depth=0),
    row(2, "sh", 2, growth_mib=9),
    row(3, "cc", 50, depth=2, peak_mib=60, growth_mib=1),
    row(4, "as", 4, depth=2, growth_mib=-1),
    row(5, "sh", 2),
    row(6, "cc", 40, depth=2, peak_mib=90, growth_mib=0),
)


def entries(
    rows: Sequence[ProcessRow],
    room: int,
    options: ViewOptions = USUAL,
    ended: Sequence[ProcessRow] = (),
) -> list[Entry]:
    return [*arrange(view_of(rows, ended), options, room).entries]


def shown(*of: Entry) -> list[str]:
    """Return rows as an indented PID, or as a name and how many it is about."""
    return [
        f"{'  ' * e.depth}{'… ' * (e.has_gap or e.is_rest)}"
        + (str(e.pid) if e.pid else f"{e.name} x {e.members}")
        for e in of
    ]


def test_all_that_fit_are_shown_as_a_tree() -> None:
    assert shown(*entries(TREE, 6)) == ["1", "  2", "    3", "    4", "  5", "    6"]


def test_else_the_root_and_the_largest_with_marks_where_ancestors_are_left_out() -> None:
    assert shown(*entries(TREE, 5)) == ["1", "  … 3", "  … 4", "  … 6", "… sh x 2"]
    assert shown(*entries(TREE, 4)) == ["1", "  … 3", "  … 6", "… 3 others x 1"]
    assert shown(*entries(TREE, 2)) == ["1", "… 5 others x 1"]
    assert shown(*entries(TREE, 1)) == ["1"]
    assert shown(*entries(TREE, 0)) == []


def test_the_rest_is_summed_by_program_in_a_quarter_of_the_room() -> None:
    names = ("cc", "ld", "worker-{}")
    many = [TREE[0], *(row(10 + n, names[n % 3].format(n), n) for n in range(60))]
    *_, first, second, third = entries(many, 12)
    assert shown(first, second, third) == ["… cc x 18", "… worker-* x 17", "… ld x 17"]
    *_, last = entries(many, 6)
    assert shown(last) == ["… 56 others x 1"]
    sizes = [one.memory.pss_bytes for one in (first, second, third)]
    assert sizes == [sum(range(first, 52, 3)) * MIB for first in (0, 2, 1)]


def test_processes_of_nearly_one_size_keep_their_places() -> None:
    def at(sizes: Sequence[int]) -> list[str]:
        rows = [row(n, "w", size)._replace(rank_bytes=100) for n, size in enumerate(sizes, 1)]
        return shown(*entries(rows, 3))

    assert at([100, 101, 99, 100]) == at([99, 99, 100, 101]) == ["1", "2", "… w x 2"]


def test_a_process_above_several_rows_is_shown_before_a_larger_one() -> None:
    rows = [
        row(1, "timeout", 1, depth=0),
        row(2, "pool", 2),
        *(row(10 + n, "worker", 100 - n, depth=2) for n in range(40)),
    ]
    above, *_ = entries(rows, 8)[1:]
    assert (above.pid, above.depth) == (2, 1)
    assert shown(*entries(rows, 8)) == [
        *("1", "  2", "    10", "    11", "    12", "    13", "    14", "… worker x 35"),
    ]
    two = [row(1, "make", 1, depth=0), row(2, "sh", 2), *(row(n, "cc", 9, depth=2) for n in (3, 4))]
    assert shown(*entries(two, 3)) == ["1", "  … 3", "… 2 others x 1"]


def test_several_roots_are_shown_unless_they_would_fill_the_room() -> None:
    roots = [row(10 * n, "root", 1, depth=0) for n in range(1, 5)]
    rows = [one for root in roots for one in (root, row(root.sample.key.pid + 1, "cc", 9))]
    assert shown(*entries(rows, 7)) == ["10", "  11", "20", "  21", "… 31", "… 41", "… root x 2"]
    many = [*rows, *(row(50 + n, "cc", 9) for n in range(30))]
    assert {10, 20, 30, 40} <= {one.pid for one in entries(many, 13)}


def test_a_list_begins_with_the_largest_and_sums_up_the_rest() -> None:
    assert shown(*entries(TREE, 6, FLAT)) == ["3", "6", "4", "2", "5", "1"]
    assert shown(*entries(TREE, 3, FLAT)) == ["3", "6", "… 4 others x 1"]


@pytest.mark.parametrize(
    ("order", "pids"),
    [
        (Order.PSS, [3, 6, 4, 2, 5, 1]),
        (Order.PEAK, [6, 3, 4, 2, 5, 1]),
        (Order.GROWTH, [2, 3, 1, 5, 6, 4]),
        (Order.NAME, [4, 3, 6, 1, 2, 5]),
    ],
)
def test_a_list_has_its_order(order: Order, pids: list[int]) -> None:
    assert [one.pid for one in entries(TREE, 6, USUAL.sorted_by(order))] == pids


@pytest.mark.parametrize(
    ("order", "pids"),
    [
        (Order.PSS, [1, 2, 3, 4, 5, 6]),
        (Order.PEAK, [1, 5, 6, 2, 3, 4]),
        (Order.GROWTH, [1, 2, 3, 4, 5, 6]),
        (Order.NAME, [1, 2, 4, 3, 5, 6]),
    ],
)
def test_a_tree_has_its_siblings_in_order_with_those_below_them(
    order: Order, pids: list[int]
) -> None:
    assert [one.pid for one in entries(TREE, 6, ViewOptions(order=order))] == pids


def test_folded_there_is_a_row_for_each_program_with_its_sums() -> None:
    cc, *others = entries(TREE, 6, FOLDED)
    assert shown(cc, *others) == ["cc x 2", "sh x 2", "4", "1"]
    assert (cc.memory.pss_bytes, cc.memory.uss_bytes) == (90 * MIB, 45 * MIB)
    assert (cc.growth_bytes, cc.peak_bytes, cc.trend) == (MIB, None, [0, 75 * MIB, 150 * MIB])
    by_name = entries(TREE, 6, FOLDED._replace(order=Order.NAME))
    assert [one.name for one in by_name] == ["as", "cc", "make", "sh"]
    assert shown(*entries(TREE, 3, FOLDED)) == ["cc x 2", "sh x 2", "… 2 others x 1"]


def test_a_sum_of_some_that_may_not_be_read_is_partial_and_of_all_unknown() -> None:
    rows = [row(1, "a", 1, depth=0), denied(2, "sudo", 6), denied(3, "sudo", 6), row(4, "a", 2)]
    some, none = entries(rows, 4, FOLDED)
    assert (some.is_partial, none.is_partial) == (False, True)
    assert (none.state, none.memory.pss_bytes) == (State.DENIED, None)
    (_, both) = entries([*rows, row(5, "z", 1)], 2, FLAT)
    assert both.is_partial
    assert both.state is State.MEASURED
    assert not both.memory.is_estimated


def test_a_sum_of_estimates_is_one() -> None:
    rows = [row(1, "a", 1, depth=0), *(row(n, "e", 8, estimated=n > 5) for n in range(2, 9))]
    *_, rest = entries(rows, 3)
    assert rest.memory.is_estimated
    assert rest.is_outdated


def test_those_that_have_ended_have_a_fifth_of_the_rows_one_for_each_name() -> None:
    sleeps = [row(100 + n, "sleep", n / 10) for n in range(41)]
    ended = [*sleeps, row(99, "cc", 70), row(98, "ld", 3)]
    rows = entries(TREE, 20, USUAL, ended)[6:]
    assert shown(*rows) == ["99", "sleep x 41", "98"]
    assert {one.state for one in rows} == {State.ENDED}
    assert [one.peak_bytes for one in rows] == [140 * MIB, 8 * MIB, 6 * MIB]
    assert shown(*entries(TREE, 10, USUAL, ended)[6:]) == ["99", "… 42 others x 1"]
    assert shown(*entries(TREE, 7, USUAL, ended)[6:]) == ["… 43 others x 1"]


def test_those_that_have_ended_never_take_the_room_of_living_ones() -> None:
    ended = [row(99, "cc", 700)]
    assert entries(TREE, 6, USUAL, ended) == entries(TREE, 6)
    assert entries(TREE, 4, USUAL, ended) == entries(TREE, 4)


def test_a_filter_shows_names_and_command_lines_and_sums_up_the_others() -> None:
    named = row(7, "python3", 5, depth=2, command_line="python3 ACCOUNTS.py")
    rows = [*TREE, named]
    assert shown(*entries(rows, 9, ViewOptions(filter_text="CC"))) == [
        "… 3",
        "… 6",
        "… 7",
        "… 4 others x 1",
    ]
    assert shown(*entries(rows, 9, ViewOptions(filter_text="make"))) == ["1", "… 6 others x 1"]
    assert shown(*entries(rows, 2, ViewOptions(filter_text="cc"))) == ["… 3", "… 6 others x 1"]


def test_a_list_scrolls_below_the_root_and_sums_up_what_is_not_shown() -> None:
    rows = [row(1, "make", 1, depth=0), *(row(n, "cc", n) for n in range(2, 21))]
    arranged = arrange(view_of(rows), ViewOptions(first=3), 6)
    assert shown(*arranged.entries) == ["1", "  5", "  6", "  7", "  8", "… 15 others x 1"]
    assert arranged.scroll == Scroll(3, 5, 20)
    at_end = arrange(view_of(rows), ViewOptions(first=999), 6)
    assert shown(*at_end.entries)[1:5] == ["  17", "  18", "  19", "  20"]
    assert at_end.scroll.first == at_end.scroll.last_first == 15
    flat = arrange(view_of(rows), ViewOptions(first=3, is_flat=True), 6)
    assert shown(*flat.entries)[:2] == ["17", "16"]


def test_parents_are_found_by_depth() -> None:
    assert parents_of(TREE) == [None, 0, 1, 1, 0, 4]
    orphan = row(9, "lost", 1, depth=5)
    assert parents_of([*TREE, orphan, row(10, "other", 1, depth=0)]) == [
        *(None, 0, 1, 1, 0, 4),
        *(5, None),
    ]


PROCESSES = st.lists(
    st.builds(
        row,
        st.integers(1, 1 << 22),
        st.sampled_from(["a", "b", "worker-1", "worker-22", "", "42"]),
        st.integers(0, 100),
        depth=st.integers(1, 4),
        estimated=st.booleans(),
        growth_mib=st.none() | st.integers(-9, 9),
    ),
    max_size=60,
).map(lambda rows: [row(1, "root", 1, depth=0), *rows])
OPTIONS = st.builds(
    ViewOptions,
    order=st.sampled_from(Order),
    is_flat=st.booleans(),
    is_folded=st.booleans(),
    filter_text=st.sampled_from(["", "", "a", "work", "nothing"]),
    first=st.none() | st.integers(0, 70),
)


@given(PROCESSES, PROCESSES, OPTIONS, st.integers(2, 70))
def test_every_process_counts_once_and_the_sizes_add_up_to_the_total(
    rows: list[ProcessRow], ended: list[ProcessRow], options: ViewOptions, room: int
) -> None:
    view = view_of(rows, ended)
    got = arrange(view, options, room).entries
    living = [one for one in got if one.state is not State.ENDED]
    assert len(got) <= room
    for field in ("pss_bytes", "uss_bytes", "pss_low_bytes", "pss_high_bytes"):
        whole = sum(getattr(one.memory, field) for one in living)
        assert whole == getattr(view.total, field)
    assert len(got) - len(living) <= max(1, room // 5)
    scrolls_alone = options.first is not None and room == 2  # One row, and one for the others.
    if not options.filter_text and not options.shows_list and not scrolls_alone:
        assert (got[0].pid, got[0].depth, got[0].has_gap) == (1, 0, False)
        assert all(one.depth > 0 or one.is_rest for one in living[1:])


@given(PROCESSES, st.integers(2, 70))
def test_none_is_left_out_of_a_list_that_is_larger_than_one_that_is_shown(
    rows: list[ProcessRow], room: int
) -> None:
    got = [one.memory.pss_bytes or 0 for one in entries(rows, room, FLAT) if not one.is_rest]
    assert got == sorted((r.pss_bytes for r in rows), reverse=True)[: len(got)]
    assert len(got) >= min(len(rows), room - room // 4 - 1)


@given(PROCESSES, st.integers(4, 70))
def test_no_more_than_a_quarter_of_a_tree_is_shown_for_what_is_below_it(
    rows: list[ProcessRow], room: int
) -> None:
    got = [one.memory.pss_bytes or 0 for one in entries(rows, room) if not one.is_rest][1:]
    largest = sorted((r.pss_bytes for r in rows[1:]), reverse=True)[: len(got)]
    assert sum(size < largest[-1] for size in got) <= (len(got) + 1) // 4
