"""The report that writes lines, on streams in memory."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from typing import TextIO

import pytest

import memstat
from memstat.cli.line_report import LineReport
from memstat.cli.output import Output
from memstat.errors import OutputError
from memstat.report.ending import Ending, RunStyle, Style, WatchStyle
from memstat.report.formats import Json, Plain, Readable
from memstat.testing import snapshot_of

SNAPSHOT = snapshot_of({7: 2048})
PARTIAL = snapshot_of({7: 2048, 8: None})
QUIET_RUN = RunStyle(format=Plain())
VERBOSE_RUN = RunStyle(format=Plain(verbose=True))
ONLY_PEAK = RunStyle(format=Plain(), peak="only")
JSON_RUN = RunStyle(format=Json(verbose=True))
WATCH = WatchStyle(format=Plain())
LIVE_WATCH = WatchStyle(format=Readable())


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def report_on(style: Style, out: TextIO, err: TextIO) -> LineReport:
    return LineReport(style, Output(out, "standard output"), Output(err, "standard error"))


def written(style: Style, use: Callable[[LineReport], None]) -> tuple[str, str]:
    """Return what a report writes to stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    use(report_on(style, out, err))
    return out.getvalue(), err.getvalue()


# Snapshots.


@pytest.mark.parametrize(
    ("style", "out", "err"),
    [
        (QUIET_RUN, "", ""),
        (ONLY_PEAK, "", ""),
        (VERBOSE_RUN, "", "[7] 2 kB (p7)\nTotal: 2 kB\n"),
        (WATCH, "Total: 2 kB\n", ""),
    ],
)
def test_snapshots_go_where_the_style_says(style: Style, out: str, err: str) -> None:
    assert written(style, lambda report: report.show(SNAPSHOT)) == (out, err)


def test_json_goes_to_stdout_an_object_a_line() -> None:
    out, err = written(JSON_RUN, lambda report: report.show(SNAPSHOT))
    assert out == Json().snapshot(SNAPSHOT) + "\n"
    assert err == ""


def test_a_watch_remarks_once_that_its_totals_are_partial() -> None:
    def watch(report: LineReport) -> None:
        for snapshot in (SNAPSHOT, PARTIAL, PARTIAL):
            report.show(snapshot)

    out, err = written(WATCH, watch)
    assert out == "Total: 2 kB\n" * 3
    assert err.startswith("memstat: the total is partial: 1 process could not be read; ")
    assert err.count("\n") == 1


def test_a_watch_ends_with_its_reader_and_a_run_does_not() -> None:
    with pytest.raises(OutputError, match="cannot write to standard output: No space left"):
        report_on(WATCH, Full(), io.StringIO()).show(SNAPSHOT)
    report_on(JSON_RUN, Full(), io.StringIO()).show(SNAPSHOT)
    report_on(VERBOSE_RUN, io.StringIO(), Full()).show(SNAPSHOT)


@pytest.mark.anyio
async def test_all_snapshots_are_shown_until_there_are_no_more() -> None:
    out, err = io.StringIO(), io.StringIO()
    report = report_on(WATCH, out, err)
    async with memstat.watch(os.getpid(), recursive=False) as watched:
        watched.stop()
        await report.follow(watched)
    assert out.getvalue().startswith("Total: ")
    assert err.getvalue() == ""


# The end.

ENDING = Ending(
    result="Total: 2 kB", no_peak="Peak: none", remarks=("one\n", "two"), exceeding="[7] 2 kB"
)
ON_STDERR = "Peak: none\nmemstat: one\\n\nmemstat: two\n[7] 2 kB\n"


@pytest.mark.parametrize("style", [ONLY_PEAK, JSON_RUN, WATCH, LIVE_WATCH])
def test_a_result_goes_to_stdout_and_all_else_to_stderr(style: Style) -> None:
    assert written(style, lambda report: report.conclude(ENDING)) == ("Total: 2 kB\n", ON_STDERR)


def test_a_report_goes_to_stderr_as_a_whole() -> None:
    all_of_it = written(QUIET_RUN, lambda report: report.conclude(ENDING))
    assert all_of_it == ("", f"Total: 2 kB\n{ON_STDERR}")


def test_an_empty_end_writes_nothing() -> None:
    assert written(QUIET_RUN, lambda report: report.conclude(Ending())) == ("", "")


@pytest.mark.parametrize("style", [ONLY_PEAK, JSON_RUN, WATCH])
def test_a_result_that_cannot_be_written_is_an_error(style: Style) -> None:
    with pytest.raises(OutputError):
        report_on(style, Full(), io.StringIO()).conclude(ENDING)


def test_a_report_for_people_that_cannot_be_written_is_none() -> None:
    report_on(QUIET_RUN, io.StringIO(), Full()).conclude(ENDING)
    report_on(LIVE_WATCH, Full(), Full()).conclude(ENDING)
