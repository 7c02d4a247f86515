"""The pure parts of the pytest plugin, with made-up snapshots."""

from __future__ import annotations

import json
import mmap
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.pytest_plugin import baseline, messages
from memstat.pytest_plugin.baseline import Baseline
from memstat.pytest_plugin.limits import (
    MaxPss,
    Tolerance,
    Usage,
    parse_tolerance,
    read_marker,
)
from memstat.pytest_plugin.usage import Survivor, TestUsage
from memstat.results import Peak
from memstat.testing import snapshot_of

PAGE = mmap.PAGESIZE
MIB = 1 << 20


def usage_of(start: int, *peak: int | None) -> Usage:
    snapshot = snapshot_of(dict(enumerate(peak, start=7)), elapsed_s=4.5)
    total = snapshot.total.pss_bytes
    assert total is not None
    return Usage(start, 4.25, Peak(total, snapshot), samples=12)


@pytest.mark.parametrize(("pages", "passes"), [(-1, True), (0, True), (1, False)])
def test_a_growth_is_compared_to_the_page(pages: int, *, passes: bool) -> None:
    usage = usage_of(30 * MIB, 230 * MIB + pages * PAGE)
    assert (MaxPss(200 * MIB, absolute=False).exceeded_by(usage) <= 0) is passes
    assert MaxPss(200 * MIB, absolute=False).exceeded_by(usage) == pages * PAGE


@pytest.mark.parametrize(("pages", "passes"), [(-1, True), (0, True), (1, False)])
def test_a_total_is_compared_to_the_page(pages: int, *, passes: bool) -> None:
    usage = usage_of(30 * MIB, 150 * MIB, 50 * MIB + pages * PAGE)
    assert (MaxPss(200 * MIB, absolute=True).exceeded_by(usage) <= 0) is passes
    assert MaxPss(200 * MIB, absolute=True).exceeded_by(usage) == pages * PAGE


def test_a_marker_is_a_limit_of_growth_or_total() -> None:
    assert read_marker(("200 MiB",), {}) == MaxPss(200 * MIB, absolute=False)
    assert read_marker((4096,), {"absolute": True}) == MaxPss(4096, absolute=True)


@pytest.mark.parametrize(
    ("arguments", "keywords", "words"),
    [
        ((), {}, "takes one size"),
        (("1M", "2M"), {}, "takes one size"),
        (("1M",), {"total": True}, "takes one size"),
        (("many",), {}, "'many' is not a size"),
        ((-1,), {}, "'-1' is not a size"),
    ],
)
def test_a_marker_that_is_not_valid_is_an_error(
    arguments: tuple[object, ...], keywords: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        read_marker(arguments, keywords)


def test_the_message_shows_limit_start_peak_and_processes() -> None:
    usage = usage_of(30 * MIB, 100 * MIB, 180 * MIB)
    assert messages.over_limit(usage, MaxPss(200 * MIB, absolute=False)) == (
        "memstat: the test and what it started grew by 250 MiB, 50.0 MiB more than max_pss allows\n"
        "  limit  200 MiB\n"
        "  start  30.0 MiB\n"
        "  peak   280 MiB, 250.0 ms after the start (12 samples)\n"
        "at the peak:\n"
        "  [7] 102400 kB (p7)\n"
        "    [8] 184320 kB (p8)\n"
        "  Total: 286720 kB"
    )


def test_the_message_for_a_total_says_so() -> None:
    text = messages.over_limit(usage_of(30 * MIB, 280 * MIB), MaxPss(200 * MIB, absolute=True))
    first = "memstat: the test and what it started used 280 MiB in total, 80.0 MiB more than"
    assert text.startswith(first)


def test_the_message_has_the_bracket_of_a_peak_that_is_estimated() -> None:
    usage = usage_of(30 * MIB, 280 * MIB)
    assert usage.peak is not None
    sure = messages.over_limit(usage, MaxPss(200 * MIB, absolute=False))
    assert "between" not in sure
    peak = replace(usage.peak, pss_low_bytes=260 * MIB, pss_high_bytes=290 * MIB)
    text = messages.over_limit(replace(usage, peak=peak), MaxPss(200 * MIB, absolute=False))
    assert "  total  between 260 and 290 MiB at the peak\n" in text


def test_the_message_says_when_the_total_is_partial() -> None:
    text = messages.over_limit(usage_of(0, 280 * MIB, None), MaxPss(200 * MIB, absolute=True))
    assert "\nnote: the total is partial: 1 process could not be read; run memstat as" in text


def test_the_message_for_a_baseline_shows_the_earlier_growth_and_the_tolerance() -> None:
    text = messages.over_baseline(usage_of(30 * MIB, 280 * MIB), 100 * MIB, 10 * MIB)
    assert text.startswith(
        "memstat: the test grew by 250 MiB; the baseline has 100 MiB\n"
        "  limit  100 MiB before, and a tolerance of 10.0 MiB\n"
        "  start  30.0 MiB\n"
    )


def used(test: str, growth: int | None = None, **others: object) -> TestUsage:
    fields = {"growth_pss_bytes": growth, "peak_pss_bytes": growth and growth + MIB, **others}
    return TestUsage(test, **fields)  # type: ignore[arg-type]


def test_the_table_has_the_largest_first_and_counts_those_left_out() -> None:
    growths = {"small": MIB, "b": 9 * MIB, "large\x1b[31m": 90 * MIB, "a": 9 * MIB}
    usages = [used(test, growth) for test, growth in growths.items()]
    assert messages.table(usages, 3) == [
        "   GROWTH      PEAK  TEST",
        " 90.0 MiB  91.0 MiB  large\\x1b[31m",
        " 9.00 MiB  10.0 MiB  a",
        " 9.00 MiB  10.0 MiB  b",
        "      ...            1 test more",
    ]


def test_the_table_names_processes_left_running_and_tests_not_measured() -> None:
    survivors = (Survivor(7, "db\n", 3 * MIB), Survivor(8, "sh", None))
    usages = [used("leaky", MIB, left_running=survivors), used("blind", failure="it was killed")]
    assert messages.table(usages, 10)[2:] == [
        "left running by leaky: [7] db\\n 3.00 MiB, [8] sh ?",
        "not measured: blind: it was killed",
    ]


def test_the_usage_of_a_test_can_be_sent_from_a_worker() -> None:
    before = used("leaky", MIB, left_running=(Survivor(7, "db", None),), failure=None)
    assert TestUsage.decode(json.loads(json.dumps(before.encode()))) == before


@pytest.mark.parametrize(
    ("text", "before_bytes", "slack_bytes"),
    [
        ("10%", 100 * MIB, 10 * MIB),
        ("12.5 %", 100 * MIB, int(12.5 * MIB)),
        ("10%", 0, MIB),
        ("0%", 100 * MIB, MIB),
        ("5 MiB", 100 * MIB, 5 * MIB),
        ("0", 100 * MIB, 0),
    ],
)
def test_a_tolerance_is_a_part_or_a_size(text: str, before_bytes: int, slack_bytes: int) -> None:
    assert parse_tolerance(text).slack_bytes(before_bytes) == slack_bytes


@pytest.mark.parametrize("text", ["", "%", "-1%", "nan%", "inf%", "10%5", "ten%", "-1 MiB"])
def test_a_tolerance_that_is_not_valid_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_tolerance(text)


runs = st.integers(0, 1 << 50)
growths = st.dictionaries(st.text(), runs | st.lists(runs, min_size=1, max_size=5))


@given(growths)
def test_a_baseline_is_the_same_after_its_file(before: Baseline) -> None:
    assert baseline.decode(baseline.encode(before)) == before


@given(growths)
def test_a_baseline_has_one_line_for_each_test_in_order(before: Baseline) -> None:
    lines = baseline.encode(before).split("\n")
    assert len(lines) == len(before) + 5 - (not before)
    assert [*baseline.decode("\n".join(lines))] == sorted(before)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}"),
        *('{"growth_pss_bytes": {"a": "1"}}', '{"growth_pss_bytes": {"a": true}}'),
        *('{"growth_pss_bytes": {"a": []}}', '{"growth_pss_bytes": {"a": [1, null]}}'),
    ],
)
def test_a_text_that_is_not_a_baseline_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        baseline.decode(text)


@pytest.mark.parametrize(
    ("before", "most"),
    [
        ([100], 110),
        # Of two, one may be an accident.
        ([100, 140], 132),
        ([100, 100, 150], 150),
        ([150] * 5, 165),
    ],
)
def test_a_test_fails_beyond_the_tolerance_and_beyond_three_runs_that_vary(
    before: list[int], most: int
) -> None:
    assert not baseline.has_grown(most, before, Tolerance(0.1, 0))
    assert baseline.has_grown(most + 1, before, Tolerance(0.1, 0))


def test_an_update_begins_anew_where_a_growth_differs_from_the_median() -> None:
    before = {"same": [100 * MIB, 90 * MIB, 200 * MIB], "more": [100 * MIB, 90 * MIB, 200 * MIB]}
    now = {"same": 105 * MIB, "more": 200 * MIB}
    updated = baseline.update(before, now, Tolerance(0.1, MIB))
    assert updated == {"same": before["same"], "more": 200 * MIB}


def test_an_update_changes_growths_that_differ_and_keeps_the_others() -> None:
    before = {"same": 100 * MIB, "less": 100 * MIB, "more": 100 * MIB, "not run": 7}
    now = {"same": 109 * MIB, "less": 50 * MIB, "more": 111 * MIB, "new": 5}
    assert baseline.update(before, now, Tolerance(0.1, MIB)) == {
        "same": 100 * MIB,
        "less": 50 * MIB,
        "more": 111 * MIB,
        "not run": 7,
        "new": 5,
    }
