"""The end of a run or a watch: every combination of what happened and what was asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest

from memstat.model import ProcessKey, ProcessSample
from memstat.report.ending import Ending, RunStyle, WatchStyle, run_ending, watch_ending
from memstat.report.formats import Bytes, Format, Json, OnExceed, PeakMode, Plain, Readable
from memstat.results import Limit, Peak, RunResult, SamplingStats
from memstat.testing import snapshot_of

MIB = 1 << 20
STATS = SamplingStats(0.1, 50, 0, 0, 0.1, 0.001, 0.002)
FEW = replace(STATS, samples=1)
FEW_NOTE = "the peak rests on 1 sample: a higher frequency (-f) takes more"
SNAPSHOT = snapshot_of({7: 2 * MIB, 8: MIB}, elapsed_s=0.25)
PEAK = Peak(3 * MIB, SNAPSHOT)
RESULT = RunResult(("make",), 3, None, 1.5, STATS, PEAK, SNAPSHOT)
UNSEEN = replace(RESULT, peak=None, last=None, stats=replace(STATS, samples=0))
UNSEEN_LINE = "Peak: not measured: the command ended within 1501 ms"
EXCEEDED = replace(RESULT, limit=Limit(MIB, SNAPSHOT))
LIMIT_NOTE = "the limit of 1.00 MiB was exceeded at 0.2 s with 3.00 MiB:"
BLOCK = "[7] 2048 kB (p7)\n  [8] 1024 kB (p8)\nTotal: 3072 kB"
BYTES_BLOCK = "[7] 2097152 (p7)\n  [8] 1048576 (p8)\n3145728"
EXIT = "Process exited with code 3"
SUMMARY = """\
Peak: 3.00 MiB at 0.2 s
  p7 [7] 2.00 MiB, p8 [8] 1.00 MiB
Exited with code 3 after 1.5 s, 50 samples"""
MODES: tuple[PeakMode, ...] = get_args(PeakMode)
FORMATS = [form(verbose=verbose) for form in (Plain, Bytes, Json) for verbose in (False, True)]


def style(form: Format, peak: PeakMode = "also", on_exceed: OnExceed = "kill") -> RunStyle:
    return RunStyle(format=form, peak=peak, on_exceed=on_exceed)


# What the end of a run shows.


@pytest.mark.parametrize(
    ("form", "peak", "text"),
    [
        (Plain(), "also", "Peak:\nTotal: 3072 kB"),
        (Plain(), "only", "Total: 3072 kB"),
        (Plain(), "never", None),
        (Plain(verbose=True), "also", f"{EXIT}\nPeak:\n{BLOCK}"),
        (Plain(verbose=True), "only", BLOCK),
        (Plain(verbose=True), "never", EXIT),
        (Bytes(), "also", "Peak:\n3145728"),
        (Bytes(), "only", "3145728"),
        (Bytes(), "never", None),
        (Bytes(verbose=True), "also", f"{EXIT}\nPeak:\n{BYTES_BLOCK}"),
        (Bytes(verbose=True), "only", BYTES_BLOCK),
        (Bytes(verbose=True), "never", EXIT),
        (Readable(), "also", SUMMARY),
        (Readable(verbose=True), "also", SUMMARY),
        (Readable(), "never", None),
        (Readable(verbose=True), "never", EXIT),
    ],
)
def test_lines_of_a_run(form: Format, peak: PeakMode, text: str | None) -> None:
    assert run_ending(RESULT, style(form, peak)) == Ending(result=text)


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("peak", MODES)
def test_json_of_a_run_is_its_summary(peak: PeakMode, *, verbose: bool) -> None:
    summary = json_of(run_ending(RESULT, style(Json(verbose=verbose), peak)))
    assert (summary["kind"], summary["exit_code"]) == ("summary", 3)
    assert ("peak" in summary) is (peak != "never")


def json_of(ending: Ending) -> dict[str, Any]:
    """Return the object that is all of an ending."""
    assert ending.result is not None
    assert ending == Ending(result=ending.result)
    parsed: dict[str, Any] = json.loads(ending.result)
    return parsed


@pytest.mark.parametrize("form", [Plain(), Bytes(), Bytes(verbose=True), Plain(verbose=True)])
@pytest.mark.parametrize("peak", ["also", "only"])
def test_where_there_is_no_peak_a_line_says_why(form: Format, peak: PeakMode) -> None:
    text = EXIT if form.verbose and peak == "also" else None
    assert run_ending(UNSEEN, style(form, peak)) == Ending(result=text, no_peak=UNSEEN_LINE)


@pytest.mark.parametrize("form", FORMATS)
def test_without_the_peak_its_absence_needs_no_line(form: Format) -> None:
    assert run_ending(UNSEEN, style(form, "never")).no_peak is None


def test_the_summary_for_people_says_itself_why_there_is_no_peak() -> None:
    text = f"{UNSEEN_LINE}\nExited with code 3 after 1.5 s, 0 samples"
    assert run_ending(UNSEEN, style(Readable())) == Ending(result=text)
    assert run_ending(UNSEEN, style(Readable(), "only")) == Ending(no_peak=UNSEEN_LINE)


@pytest.mark.parametrize("peak", ["also", "only"])
def test_in_json_a_missing_peak_is_null(peak: PeakMode) -> None:
    assert json_of(run_ending(UNSEEN, style(Json(), peak)))["peak"] is None


# What is remarked.

DOUBTED = replace(
    RESULT,
    stats=FEW,
    survivors=(ProcessSample(ProcessKey(9, 9), "p9"),),
    limit=EXCEEDED.limit,
    uncounted_descendants=2,
)
UNCOUNTED_NOTE = "2 child processes not counted: add -r"
SURVIVOR_NOTE = "1 descendant still running: ?"


@pytest.mark.parametrize("form", [Plain(), Bytes(verbose=True), Readable(), Readable(verbose=True)])
@pytest.mark.parametrize(
    ("peak", "remarks"),
    [
        ("also", (FEW_NOTE, UNCOUNTED_NOTE, SURVIVOR_NOTE, LIMIT_NOTE)),
        ("only", (FEW_NOTE, UNCOUNTED_NOTE, LIMIT_NOTE)),
        ("never", (LIMIT_NOTE,)),
    ],
)
def test_remarks_of_a_run(form: Format, peak: PeakMode, remarks: tuple[str, ...]) -> None:
    ending = run_ending(DOUBTED, style(form, peak))
    assert ending.remarks == remarks
    assert ending.exceeding == BLOCK


def test_json_has_the_doubts_itself_and_only_the_limit_is_remarked() -> None:
    for peak in MODES:
        ending = run_ending(DOUBTED, style(Json(), peak))
        assert (ending.remarks, ending.exceeding) == ((LIMIT_NOTE,), BLOCK)


BRACKET_NOTE = "the peak was between 2.00 and 4.00 MiB"
BOUNDED = Peak(3 * MIB, SNAPSHOT, 2 * MIB, 4 * MIB)


@pytest.mark.parametrize("peak", MODES)
@pytest.mark.parametrize("form", [*FORMATS, Readable(), Readable(verbose=True)])
def test_wide_bounds_of_a_peak_are_stated_once(form: Format, peak: PeakMode) -> None:
    ending = run_ending(replace(RESULT, peak=BOUNDED), style(form, peak))
    in_summary = isinstance(form, Json) or (isinstance(form, Readable) and peak == "also")
    assert ending.remarks == (() if in_summary or peak == "never" else (BRACKET_NOTE,))
    text = ending.result or ""
    if isinstance(form, Readable) and in_summary:
        assert "(between 2.00 and 4.00 MiB)" in text
    if isinstance(form, Json) and peak != "never":
        assert json.loads(text)["peak"]["pss_high_bytes"] == 4 * MIB


@pytest.mark.parametrize("form", [*FORMATS, Readable()])
def test_wide_bounds_of_the_peak_of_a_watch_are_stated_once(form: Format) -> None:
    ending = watch_ending(BOUNDED, STATS, SNAPSHOT, WatchStyle(format=form))
    is_in_summary = isinstance(form, (Json, Readable))
    assert ending.remarks == (() if is_in_summary else (BRACKET_NOTE,))


@pytest.mark.parametrize("form", FORMATS)
def test_a_limit_that_may_have_been_exceeded_is_remarked(form: Format) -> None:
    result = replace(RESULT, peak=BOUNDED, limit=Limit(4 * MIB - 1, None))
    remarks = run_ending(result, style(form)).remarks
    assert remarks[-1] == "the limit of 4.00 MiB may have been exceeded, by 1 B at most"


def test_what_has_no_peak_has_no_doubts_about_it() -> None:
    ending = run_ending(replace(DOUBTED, peak=None, limit=None), style(Plain()))
    assert ending.remarks == (SURVIVOR_NOTE,)


def test_a_limit_that_was_kept_is_not_remarked() -> None:
    kept = replace(RESULT, limit=Limit(1 << 40, None))
    for form in FORMATS:
        ending = run_ending(kept, style(form))
        assert (ending.remarks, ending.exceeding) == ((), None)


@pytest.mark.parametrize("on_exceed", get_args(OnExceed))
def test_json_names_what_a_limit_leads_to(on_exceed: OnExceed) -> None:
    ending = run_ending(EXCEEDED, style(Json(), on_exceed=on_exceed))
    assert json.loads(ending.result or "")["limit"]["on_exceed"] == on_exceed


# Where it goes, and what is written before.


def test_stdout_is_the_commands_unless_it_is_to_be_a_result() -> None:
    for form, peak in product(FORMATS, MODES):
        on_stdout = isinstance(form, Json) or peak == "only"
        assert style(form, peak).results_on_stdout is on_stdout
        assert style(form, peak).requires_result is on_stdout
        assert not style(form, peak).is_filter


def test_verbose_streams_snapshots_unless_only_the_peak_is_wanted_as_lines() -> None:
    for form, peak in product(FORMATS, MODES):
        streams = form.verbose and (isinstance(form, Json) or peak != "only")
        assert style(form, peak).streams_snapshots is streams


def test_a_watch_is_a_filter_that_requires_its_result_except_for_people() -> None:
    for form in (*FORMATS, Readable()):
        watch = WatchStyle(format=form)
        assert watch.results_on_stdout
        assert watch.streams_snapshots
        assert watch.is_filter
        assert watch.requires_result is not isinstance(form, Readable)


def test_only_plain_lines_have_another_form_on_a_terminal() -> None:
    on_terminal = Plain(verbose=True).on_terminal
    assert type(on_terminal) is Readable
    assert on_terminal.verbose
    for form in (Bytes(), Json(verbose=True)):
        assert form.on_terminal is form
        assert not form.is_for_people


# The end of a watch.


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Plain(), "Peak:\nTotal: 3072 kB"),
        (Plain(verbose=True), f"Peak:\n{BLOCK}"),
        (Bytes(), "Peak:\n3145728"),
        (Bytes(verbose=True), f"Peak:\n{BYTES_BLOCK}"),
        (Readable(), f"{SUMMARY.rpartition(chr(10))[0]}\n50 samples"),
    ],
)
def test_lines_of_a_watch(form: Format, text: str) -> None:
    assert watch_ending(PEAK, STATS, SNAPSHOT, WatchStyle(format=form)) == Ending(result=text)


def test_json_of_a_watch_is_its_summary() -> None:
    summary = json_of(watch_ending(PEAK, STATS, SNAPSHOT, WatchStyle(format=Json())))
    assert (summary["kind"], summary["duration_s"]) == ("summary", 0.25)
    assert summary["peak"]["pss_bytes"] == 3 * MIB


@pytest.mark.parametrize("form", [*FORMATS, Readable()])
def test_doubts_of_a_watch_are_remarked_in_every_format(form: Format) -> None:
    assert watch_ending(PEAK, FEW, SNAPSHOT, WatchStyle(format=form)).remarks == (FEW_NOTE,)


@pytest.mark.parametrize("form", FORMATS)
def test_a_watch_that_saw_nothing_says_why_and_doubts_nothing(form: Format) -> None:
    ending = watch_ending(None, FEW, None, WatchStyle(format=form))
    assert ending.no_peak == "Peak: not measured: the target ended within 1 ms"
    assert ending.remarks == ()
    if isinstance(form, Json):
        summary = json.loads(ending.result or "")
        assert (summary["peak"], summary["duration_s"]) == (None, 0.0)
    else:
        assert ending.result is None


def test_a_live_watch_that_saw_nothing_has_its_samples() -> None:
    ending = watch_ending(None, STATS, None, WatchStyle(format=Readable()))
    assert ending == Ending(result="50 samples")
