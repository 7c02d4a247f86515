"""Sizes that are known by bounds only."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.model import Memory, ProcessKey, ProcessSample
from memstat.report.estimates import (
    is_outdated,
    is_wide,
    measured_total,
    peak_bracket,
    pss_text,
    reads_as_estimate,
    total_text,
)
from memstat.results import Peak
from memstat.sampling.sums import add_up
from memstat.testing import private_memory, snapshot_of
from memstat.units import format_bracket, format_percent, format_size, parse_size

MIB = 1 << 20


def between(low_bytes: int, best_bytes: int, high_bytes: int) -> Memory:
    return Memory(pss_bytes=best_bytes, pss_low_bytes=low_bytes, pss_high_bytes=high_bytes)


@pytest.mark.parametrize(
    ("low_bytes", "high_bytes", "is_stated"),
    [(990, 1000, False), (989, 1000, True), (0, 0, False), (0, 1, True), (None, 5, False)],
)
def test_bounds_more_than_one_per_cent_apart_are_stated(
    low_bytes: int | None, high_bytes: int, *, is_stated: bool
) -> None:
    assert is_wide(low_bytes, high_bytes) is is_stated


def test_a_mark_says_that_a_size_is_an_estimate() -> None:
    assert pss_text(between(4 * MIB, 5 * MIB, 7 * MIB)) == "~5.00 MiB"
    assert pss_text(Memory(pss_bytes=5 * MIB)) == "5.00 MiB"
    assert pss_text(Memory()) == "?"


def test_bounds_that_read_the_same_need_no_mark() -> None:
    almost = between(5 * MIB - 1, 5 * MIB, 5 * MIB + 1)
    assert almost.is_estimated
    assert pss_text(almost) == "5.00 MiB"
    assert pss_text(almost, str) == "~5242880"


def test_what_is_only_bounded_by_its_rss_is_unknown_and_not_an_estimate() -> None:
    denied = Memory(rss_bytes=MIB, pss_low_bytes=0, pss_high_bytes=MIB)
    assert not reads_as_estimate(denied)
    assert pss_text(denied) == "?"


@pytest.mark.parametrize(
    ("age_s", "pss_bytes", "is_old"),
    [
        (1.5, 100 * MIB, False),
        (1.5, 100 * MIB + 3 * 1024, False),
        (1.5, 102 * MIB, True),
        (1.5, 98 * MIB, True),
        (0.0, 102 * MIB, False),
        (None, 102 * MIB, False),
    ],
)
def test_what_a_walk_showed_is_outdated_once_pss_is_another(
    age_s: float | None, pss_bytes: int, *, is_old: bool
) -> None:
    sample = ProcessSample(
        ProcessKey(7, 1),
        "a",
        memory=private_memory(pss_bytes),
        walk_age_s=age_s,
        walked_pss_bytes=100 * MIB,
    )
    assert is_outdated(sample) is is_old


def test_what_a_walk_showed_is_outdated_once_pss_is_an_estimate() -> None:
    memory = replace(private_memory(4 * MIB), pss_high_bytes=5 * MIB)
    sample = ProcessSample(
        ProcessKey(7, 1), "a", memory=memory, walk_age_s=0.1, walked_pss_bytes=4 * MIB
    )
    assert is_outdated(sample)
    assert not is_outdated(replace(sample, memory=Memory()))


def test_a_total_has_its_bounds_where_they_matter() -> None:
    assert total_text(Memory(pss_bytes=5 * MIB)) == "5.00 MiB"
    assert total_text(between(2040 * MIB, 2045 * MIB, 2048 * MIB)) == "~2.00 GiB"
    assert total_text(between(4 * MIB, 5 * MIB, 7 * MIB)) == (
        "5.00 MiB (between 4.00 and 7.00 MiB)"
    )
    assert total_text(Memory()) == "?"


def test_what_may_not_be_read_makes_a_total_partial_and_no_estimate() -> None:
    snapshot = snapshot_of({7: 100 * MIB, 8: None})
    bounded = Memory(rss_bytes=MIB, pss_low_bytes=0, pss_high_bytes=MIB)
    denied = replace(snapshot.processes[1], memory=bounded)
    processes = (snapshot.processes[0], denied)
    partial = replace(snapshot, processes=processes, total=add_up(processes))
    assert partial.total.pss_high_bytes == 101 * MIB
    assert not measured_total(partial).is_estimated
    nothing = replace(partial, processes=(denied,), total=add_up([denied]))
    assert measured_total(nothing).pss_bytes is None
    whole = snapshot_of({7: MIB})
    assert measured_total(whole) == whole.total
    unknown = snapshot_of({})
    assert measured_total(unknown) == Memory()


def test_a_peak_has_bounds_only_where_they_are_wide() -> None:
    snapshot = snapshot_of({7: 100 * MIB})
    assert peak_bracket(Peak(100 * MIB, snapshot)) is None
    assert peak_bracket(Peak(100 * MIB, snapshot, 99 * MIB, 100 * MIB)) is None
    wide = Peak(100 * MIB, snapshot, 99 * MIB, 101 * MIB)
    assert peak_bracket(wide) == "between 99.0 and 101 MiB"


@given(st.integers(0, 1 << 50), st.integers(0, 1 << 50))
def test_bounds_that_are_stated_never_read_the_same(one: int, other: int) -> None:
    low_bytes, high_bytes = sorted((one, other))
    if is_wide(low_bytes, high_bytes):
        assert format_size(low_bytes) != format_size(high_bytes)


@given(st.integers(0, 1 << 50), st.integers(0, 1 << 50))
def test_a_bracket_has_both_sizes_with_their_units(one: int, other: int) -> None:
    low_bytes, high_bytes = sorted((one, other))
    match = re.fullmatch(r"between (\S+)(?: (\S+))? and (\S+) (\S+)", format_bracket(one, other))
    assert match is not None
    low, low_unit, high, high_unit = match.groups()
    assert f"{low} {low_unit or high_unit}" == format_size(one)
    assert f"{high} {high_unit}" == format_size(other)
    assert low_unit != high_unit
    assert parse_size(format_size(low_bytes)) <= parse_size(format_size(high_bytes))


@given(st.floats(0, 1))
def test_a_percentage_is_no_less_than_the_part(part: float) -> None:
    text = format_percent(part)
    stated = float(text.removesuffix(" %")) / 100
    assert part - 1e-9 <= stated <= part + 0.01
    assert len(text) <= len("100 %")
