"""The pure parts of the pytest plugin, with made-up snapshots."""

from __future__ import annotations

import json
import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.model import Peak
from memstat.pytest_plugin import baseline, messages
from memstat.pytest_plugin.limits import (
    MaxPss,
    Tolerance,
    Usage,
    parse_tolerance,
    read_marker,
)
from memstat.pytest_plugin.usage import Row, Survivor
from memstat.testing import snapshot_of

PAGE = mmap.PAGESIZE
MIB = 1 << 20


def usage(start: int, *peak: int | None) -> Usage:
    snapshot = snapshot_of(dict(enumerate(peak, start=7)), elapsed_s=4.5)
    total = snapshot.total.pss_bytes
    assert total is not None
    return Usage(start, 4.25, Peak(total, snapshot), samples=12)


@pytest.mark.parametrize(("pages", "passes"), [(-1, True), (0, True), (1, False)])
def test_a_growth_is_judged_to_the_page(pages: int, *, passes: bool) -> None:
    used = usage(30 * MIB, 230 * MIB + pages * PAGE)
    assert (MaxPss(200 * MIB, absolute=False).exceeded_by(used) <= 0) is passes
    assert MaxPss(200 * MIB, absolute=False).exceeded_by(used) == pages * PAGE


@pytest.mark.parametrize(("pages", "passes"), [(-1, True), (0, True), (1, False)])
def test_a_total_is_judged_to_the_page(pages: int, *, passes: bool) -> None:
    used = usage(30 * MIB, 150 * MIB, 50 * MIB + pages * PAGE)
    assert (MaxPss(200 * MIB, absolute=True).exceeded_by(used) <= 0) is passes
    assert MaxPss(200 * MIB, absolute=True).exceeded_by(used) == pages * PAGE


def test_the_marker_is_read_as_it_is_meant() -> None:
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
def test_a_marker_that_makes_no_sense_is_an_error(
    arguments: tuple[object, ...], keywords: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        read_marker(arguments, keywords)


def test_the_failure_shows_limit_peak_when_and_the_processes() -> None:
    used = usage(30 * MIB, 100 * MIB, 180 * MIB)
    assert messages.over_limit(used, MaxPss(200 * MIB, absolute=False)) == (
        "memstat: the test and what it started grew by 250 MiB, 50.0 MiB more than max_pss allows\n"
        "  limit  200 MiB\n"
        "  start  30.0 MiB\n"
        "  peak   280 MiB, 250.0 ms after the start (12 samples)\n"
        "at the peak:\n"
        "  [7] 102400 kB (p7)\n"
        "    [8] 184320 kB (p8)\n"
        "  Total: 286720 kB"
    )


def test_the_failure_of_a_total_says_so() -> None:
    text = messages.over_limit(usage(30 * MIB, 280 * MIB), MaxPss(200 * MIB, absolute=True))
    first = "memstat: the test and what it started used 280 MiB in total, 80.0 MiB more than"
    assert text.startswith(first)


def test_the_failure_says_when_the_total_is_partial() -> None:
    text = messages.over_limit(usage(0, 280 * MIB, None), MaxPss(200 * MIB, absolute=True))
    assert "\nnote: the total is partial: 1 process could not be read; run memstat as" in text


def test_the_failure_of_a_baseline_shows_what_was_and_what_is_allowed() -> None:
    text = messages.over_baseline(usage(30 * MIB, 280 * MIB), 100 * MIB, 10 * MIB)
    assert text.startswith(
        "memstat: the test grew by 250 MiB; the baseline has 100 MiB\n"
        "  limit  100 MiB before, and a tolerance of 10.0 MiB\n"
        "  start  30.0 MiB\n"
    )


def row(test: str, growth: int | None = None, **others: object) -> Row:
    fields = {"growth_pss_bytes": growth, "peak_pss_bytes": growth and growth + MIB, **others}
    return Row(test, **fields)  # type: ignore[arg-type]


def test_the_table_has_the_largest_first_and_says_what_is_left_out() -> None:
    rows = [row("small", MIB), row("b", 9 * MIB), row("large\x1b[31m", 90 * MIB), row("a", 9 * MIB)]
    assert messages.table(rows, 3) == [
        "   GROWTH      PEAK  TEST",
        " 90.0 MiB  91.0 MiB  large\\x1b[31m",
        " 9.00 MiB  10.0 MiB  a",
        " 9.00 MiB  10.0 MiB  b",
        "      ...            1 test more",
    ]


def test_the_table_names_what_was_left_running_and_what_was_not_measured() -> None:
    survivors = (Survivor(7, "db\n", 3 * MIB), Survivor(8, "sh", None))
    rows = [row("leaky", MIB, left_running=survivors), row("blind", failure="it was killed")]
    assert messages.table(rows, 10)[2:] == [
        "left running by leaky: [7] db\\n 3.00 MiB, [8] sh ?",
        "not measured: blind: it was killed",
    ]


def test_a_row_survives_the_way_from_a_worker() -> None:
    before = row("leaky", MIB, left_running=(Survivor(7, "db", None),), failure=None)
    assert Row.decode(json.loads(json.dumps(before.encode()))) == before


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
def test_a_tolerance_that_makes_no_sense_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_tolerance(text)


growths = st.dictionaries(st.text(), st.integers(0, 1 << 50))


@given(growths)
def test_a_baseline_survives_its_file(before: dict[str, int]) -> None:
    assert baseline.decode(baseline.encode(before)) == before


@given(growths)
def test_a_baseline_has_its_tests_in_order_a_line_each(before: dict[str, int]) -> None:
    lines = baseline.encode(before).split("\n")
    assert len(lines) == len(before) + 5 - (not before)
    assert [*baseline.decode("\n".join(lines))] == sorted(before)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"growth_pss_bytes": {"a": "1"}}', '{"growth_pss_bytes": {"a": true}}'],
)
def test_what_is_no_baseline_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        baseline.decode(text)


def test_an_update_changes_what_differs_and_keeps_the_rest() -> None:
    before = {"same": 100 * MIB, "less": 100 * MIB, "more": 100 * MIB, "not run": 7}
    now = {"same": 109 * MIB, "less": 50 * MIB, "more": 111 * MIB, "new": 5}
    assert baseline.update(before, now, Tolerance(0.1, MIB)) == {
        "same": 100 * MIB,
        "less": 50 * MIB,
        "more": 111 * MIB,
        "not run": 7,
        "new": 5,
    }
