"""The end of a run in a few lines."""

from __future__ import annotations

import signal
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from memstat.model import Memory
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


def test_a_wide_bracket_follows_the_peak() -> None:
    wide = Peak(20 * MIB, SNAPSHOT, 19 * MIB, 22 * MIB)
    assert peak_lines(wide)[0] == "Peak: 20.0 MiB (between 19.0 and 22.0 MiB) at 1:15"
    narrow = Peak(20 * MIB, SNAPSHOT, 20 * MIB - 4096, 20 * MIB + 4096)
    assert peak_lines(narrow)[0] == "Peak: 20.0 MiB at 1:15"


def test_an_estimate_among_the_largest_is_marked() -> None:
    sizes = Memory(pss_bytes=4 * MIB, pss_low_bytes=3 * MIB, pss_high_bytes=5 * MIB)
    glanced = replace(SNAPSHOT.processes[0], memory=sizes)
    (_, processes) = peak_lines(Peak(4 * MIB, replace(SNAPSHOT, processes=(glanced,))))
    assert processes == "  p7 [7] ~4.00 MiB"


def last_line(stats: SamplingStats) -> str:
    return watch_summary_lines(None, stats)[-1]


def test_the_last_line_has_what_measuring_cost() -> None:
    walked = replace(STATS, walks=14, walk_s=0.2, held_share=0.0075)
    assert last_line(walked) == "50 samples, 14 walks costing at most 0.8 %"
    assert last_line(replace(walked, missed_ticks=2)) == (
        "50 samples, 2 ticks missed, 14 walks costing at most 0.8 %"
    )
    # No process lived long enough for a part of its time to be stated.
    assert last_line(replace(walked, walks=1, held_share=0.0)) == "50 samples, 1 walk"


def test_on_a_narrow_terminal_lines_end_between_facts() -> None:
    wide = Peak(20 * MIB, SNAPSHOT, 19 * MIB, 22 * MIB)
    walked = replace(STATS, walks=14, held_share=0.0075, missed_ticks=2)
    result = replace(RESULT, peak=wide, stats=walked)
    assert run_summary_lines(result, width=40) == [
        "Peak: 20.0 MiB",
        "  (between 19.0 and 22.0 MiB) at 1:15",
        "  p8 [8] 9.00 MiB, p10 [10] 6.00 MiB,",
        "  p7 [7] 4.00 MiB, 2 more",
        "Exited with code 2 after 1:22,",
        "  50 samples, 2 ticks missed,",
        "  14 walks costing at most 0.8 %",
    ]
    assert run_summary_lines(result, width=200) == run_summary_lines(result)
    assert watch_summary_lines(wide, walked, width=40)[-2:] == [
        "50 samples, 2 ticks missed,",
        "  14 walks costing at most 0.8 %",
    ]
    short = replace(RESULT, duration_s=0.002, peak=None)
    assert run_summary_lines(short, width=40)[:2] == [
        "Peak: not measured: the command ended",
        "  within 3 ms",
    ]


# A comma separates facts.
NAMES = st.text(st.characters(codec="utf-8", exclude_characters=","), max_size=15)


@given(st.integers(1, 120), st.lists(NAMES, min_size=1, max_size=3))
def test_a_summary_is_no_wider_than_the_terminal_unless_a_fact_is(
    width: int, names: list[str]
) -> None:
    processes = [
        replace(process, name=name)
        for process, name in zip(SNAPSHOT.processes, names, strict=False)
    ]
    result = replace(RESULT, peak=Peak(20 * MIB, replace(SNAPSHOT, processes=tuple(processes))))
    lines = run_summary_lines(result, width)
    assert all(cell_len(line) <= width or ", " not in line.strip(" ,") for line in lines[1:])
    assert "".join(lines).replace(" ", "") == "".join(run_summary_lines(result)).replace(" ", "")
