"""The course of a size as a line of bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.report.trend import Trend, bars

VALUES = st.lists(st.integers(0, 1 << 40), max_size=300)
ASCII = "_.-:=+*#"
BLOCKS = "▁▂▃▄▅▆▇█"


def test_a_trend_that_is_not_full_keeps_every_value() -> None:
    trend = Trend(4)
    for value in (3, 1, 2):
        trend.add(value)
    assert trend.values == (3, 1, 2)


def test_a_full_trend_halves_itself_and_then_adds_by_twos() -> None:
    trend = Trend(4)
    seen = []
    for value in range(1, 10):
        trend.add(value)
        seen.append(trend.values)
    assert seen[4:] == [(2, 4, 5), (2, 4, 6), (2, 4, 6, 7), (2, 4, 6, 8), (4, 8, 9)]


@given(VALUES, st.integers(1, 12).map(lambda half: 2 * half))
def test_a_trend_is_bounded_and_loses_neither_the_peak_nor_the_order(
    values: list[int], capacity: int
) -> None:
    trend = Trend(capacity)
    for value in values:
        trend.add(value)
    assert len(trend.values) <= capacity
    assert max(trend.values, default=None) == max(values, default=None)
    rest = iter(values)
    assert all(kept in rest for kept in trend.values)


@given(VALUES, st.integers(1, 12).map(lambda half: 2 * half))
def test_each_point_of_a_trend_stands_for_equally_many_values(
    values: list[int], capacity: int
) -> None:
    trend = Trend(capacity)
    for value in values:
        trend.add(value)
    span = 1
    while span * capacity < len(values):
        span *= 2
    points = [max(values[at : at + span]) for at in range(0, len(values), span)]
    assert trend.values == tuple(points)


def test_bars_grow_from_nothing_to_the_top() -> None:
    assert bars(range(8), width=8, top=7) == BLOCKS
    assert bars(range(8), width=8, top=7, ascii_only=True) == ASCII


@pytest.mark.parametrize(
    ("values", "width", "top", "text"),
    [
        ([], 8, 100, ""),
        ([0, 0], 8, 0, "__"),
        ([100, 200], 8, 100, "##"),
        ([1, 9, 2, 3, 4], 3, 9, "#-:"),
        ([1, 9, 2, 3, 4], 1, 9, "#"),
        ([5], 0, 9, ""),
    ],
)
def test_bars_fit(values: list[int], width: int, top: int, text: str) -> None:
    assert bars(values, width=width, top=top, ascii_only=True) == text


@given(
    values=VALUES,
    width=st.integers(0, 40),
    top=st.integers(0, 1 << 40),
    ascii_only=st.booleans(),
)
def test_bars_are_never_wider_than_asked_for_and_show_the_top(
    values: list[int], width: int, top: int, *, ascii_only: bool
) -> None:
    text = bars(values, width=width, top=top, ascii_only=ascii_only)
    assert len(text) <= width
    levels = ASCII if ascii_only else BLOCKS
    assert set(text) <= set(levels)
    if values and width and max(values) >= max(top, 1):
        assert levels[-1] in text
