"""The end of a run in a few lines."""

from __future__ import annotations

import signal
from dataclasses import replace

from memstat.report.summary import peak_lines, run_summary_lines, watch_summary_lines
from memstat.results import Peak, RunResult, SamplingStats
from memstat.testing import snapshot_of

MIB = 1 << 20
STATS = SamplingStats(0.1, 50, 0, 0, 0.1, 0.001, 0.002)
SNAPSHOT = snapshot_of({7: 4 * MIB, 8: 9 * MIB, 9: None, 10: 6 * MIB, 11: MIB}, elapsed_s=75.0)
PEAK = Peak(20 * MIB, SNAPSHOT)
RESULT = RunResult(("make",), 2, None, 81.5, STATS, PEAK)


def test_the_three_largest_processes_are_named_and_the_rest_counted() -> None:
    assert peak_lines(PEAK) == [
        "Peak: 20.0 MiB at 1:15",
        "  p8 [8] 9.00 MiB, p10 [10] 6.00 MiB, p7 [7] 4.00 MiB, 2 more",
    ]


def test_names_cannot_draw_on_the_terminal() -> None:
    hostile = replace(SNAPSHOT.processes[0], name="a\x1b[2J")
    (_, processes) = peak_lines(Peak(4 * MIB, replace(SNAPSHOT, processes=(hostile,))))
    assert processes == r"  a\x1b[2J [7] 4.00 MiB"


def test_a_run_ends_with_peak_end_duration_and_samples() -> None:
    assert run_summary_lines(RESULT)[2:] == ["Exited with code 2 after 1:22, 50 samples"]
    killed = replace(
        RESULT, exit_code=None, signal=signal.SIGKILL, stats=replace(STATS, missed_ticks=1)
    )
    assert run_summary_lines(killed)[2:] == [
        "Killed by signal SIGKILL after 1:22, 50 samples, 1 tick missed"
    ]


def test_a_run_too_short_to_be_measured_says_so() -> None:
    short = replace(
        RESULT, exit_code=0, duration_s=0.002, peak=None, stats=replace(STATS, samples=0)
    )
    assert run_summary_lines(short) == [
        "Peak: not measured: the command ended within 3 ms",
        "Exited with code 0 after 0.0 s, 0 samples",
    ]


def test_a_watch_ends_with_peak_and_samples() -> None:
    assert watch_summary_lines(PEAK, STATS) == [*peak_lines(PEAK), "50 samples"]
    assert watch_summary_lines(None, STATS) == ["50 samples"]
