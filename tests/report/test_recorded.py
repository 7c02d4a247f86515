"""A recording as text."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from memstat.jsonlines import run_summary
from memstat.mappings import MappingGroup, MappingKind, Mappings
from memstat.model import Memory, ProcessSample, ReadStatus
from memstat.recording.header import Gap
from memstat.report.recorded import heading_lines, recorded_text
from memstat.results import Mark, Peak, RunResult, SamplingStats
from tests.recorded import HEADER, MIB, process, recording_of, snapshots

MAKE = process(7, "make", 4 * MIB, depth=0)


def tree(*sizes_mib: int) -> list[ProcessSample]:
    return [MAKE, *(process(8 + at, "cc1", size * MIB) for at, size in enumerate(sizes_mib))]


COURSE = snapshots(*(tree(*range(1, count)) for count in (1, 2, 3, 9, 5, 2, 2, 2, 2, 2)))


def section(text: str, start: str) -> list[str]:
    (found,) = [part for part in text.split("\n\n") if part.startswith(start)]
    return found.splitlines()


def test_a_report_has_the_command_the_peak_the_course_the_tree_and_the_programs() -> None:
    mark = Mark("linking", 0.55, None)
    text = recorded_text(recording_of(*COURSE[:6], mark, *COURSE[6:]), 60)
    expected = """\
make -j2
on node7, Linux 6.18.0, 2 CPUs, 8.00 GiB of memory
from 2023-11-14 22:13:20 UTC on, by memstat 0.1.0

Peak: 40.0 MiB at 0.3 s
Measured for 0.9 s
10 samples, the longest gap 100.0 ms
Note: it has no end: it was cut off, or is still being
  written

PSS of all processes in MiB
                          ▼ 40.0 MiB at 0.3 s
   40.0 ┤                 █████
        │                 █████
        │                 █████
        │                 █████
   20.0 ┤                 █████
        │                 █████▆▆▆▆▆▆
        │           ▃▃▃▃▃▃███████████
        │▆▆▆▆▆██████████████████████████████████████████████
      0 ┤┬──────────┬──────────┬───────────┬──────────┬─────
         0 s      0.2 s      0.4 s       0.6 s      0.8 s
                                        ▲1

1  linking at 0.6 s: peak 40.0 MiB at 0.3 s since the start

At the peak: 9 processes at 0.3 s
    PID NAME        PSS MiB    ANON    FILE   SHMEM   %
      7 make            4.0     2.0     1.0     1.0  10
      8   cc1           1.0     0.5     0.2     0.2   2
      9   cc1           2.0     1.0     0.5     0.5   5
     10   cc1           3.0     1.5     0.8     0.8   8
     11   cc1           4.0     2.0     1.0     1.0  10
     12   cc1           5.0     2.5     1.2     1.2  12
     13   cc1           6.0     3.0     1.5     1.5  15
     14   cc1           7.0     3.5     1.8     1.8  18
     15   cc1           8.0     4.0     2.0     2.0  20
        total          40.0    20.0    10.0    10.0 100

Programs by their own peaks, in MiB
NAME       PEAK       AT     ONE
cc1 x 8    36.0    0.3 s     8.0
make        4.0    0.0 s     4.0"""
    assert text == expected


def test_of_many_processes_the_largest_are_shown_and_the_rest_is_summed() -> None:
    many = [MAKE, *(process(100 + at, "cc1", (at + 1) * MIB) for at in range(100))]
    lines = section(recorded_text(recording_of(*snapshots(many)), 80), "At the peak")
    assert lines[0] == "At the peak: 101 processes at 0.0 s"
    assert len(lines) == 1 + 1 + 24 + 1
    assert any("… cc1 x 78" in line for line in lines)
    assert lines[-1].split()[:2] == ["total", "5054.0"]


def test_what_the_memory_consisted_of_is_shown_where_it_was_recorded() -> None:
    heap = MappingGroup(MappingKind.HEAP, "", 3 * MIB, 3 * MIB, 3 * MIB)
    mappings = Mappings((heap,), unix_time_s=0.0, elapsed_s=0.3, processes=9, torn=True)
    lines = section(recorded_text(recording_of(*COURSE, mappings), 60), "Its memory")
    assert lines[0] == "Its memory at 0.3 s, when it had 3.00 MiB"
    assert lines[2].split()[-1] == "heap"
    assert lines[4].startswith("Note: the total is uncertain")


def test_an_estimate_has_its_sign_everywhere() -> None:
    guess = Memory(pss_bytes=8 * MIB, pss_low_bytes=6 * MIB, pss_high_bytes=9 * MIB)
    glanced = replace(process(8, "cc1", guess), walk_age_s=2.0)
    text = recorded_text(recording_of(*snapshots([MAKE, glanced])), 80)
    assert "Peak: 12.0 MiB (between 10.0 and 13.0 MiB) at 0.0 s" in text
    (row,) = [line for line in section(text, "At the peak") if "cc1" in line]
    assert row.split() == ["8", "cc1", "~8.0", "-", "-", "-", "67"]
    assert section(text, "At the peak")[-1].split()[1] == "~12.0"
    assert section(text, "Programs")[2].split() == ["cc1", "~8.0", "0.0", "s", "~8.0"]


def test_what_casts_doubt_on_the_peak_is_noted() -> None:
    denied = replace(process(9, "other", Memory()), status=ReadStatus.DENIED, reason="hidden")
    partial = [replace(s, complete=False, torn=True) for s in snapshots([MAKE, denied], [MAKE])]
    text = recorded_text(recording_of(partial[0], Gap(0.05, 3), partial[1]), 100)
    lines = section(text, "Peak")
    assert lines[2] == "2 samples, the longest gap 100.0 ms, 2 incomplete, 2 torn"
    assert any(line.startswith("Note: the total is partial: 1 process could not") for line in lines)
    assert any("3 snapshots were dropped, in 1 gap" in line for line in lines)


def test_how_a_command_ended_is_noted_with_what_it_left_running() -> None:
    stats = SamplingStats(0.1, 2, 0, 0, 0.1, 0.001, 0.002)
    survivors = (process(9, "daemon", 2 * MIB),)
    peak = Peak(4 * MIB, COURSE[0])
    result = RunResult(
        *(("make",), None, 9, 0.2, stats, peak),
        survivors=survivors,
        oom_kills=1,
        rss_floor_bytes=9 * MIB,
    )
    summary = run_summary(result, with_peak=True, on_exceed="kill")
    recording = recording_of(COURSE[0], summary=summary)
    lines = section(recorded_text(recording, 100), "Peak")
    assert lines[1] == "Killed by signal SIGKILL after 0.2 s"
    assert lines[-3:] == [
        "Note: at least one process reached 9.00 MiB RSS between two samples",
        "Note: the kernel's OOM killer killed 1 process during the run",
        "Note: 1 descendant still running: 2.00 MiB",
    ]
    assert recording.result is not None
    assert recording.result.survivors == survivors


def test_without_a_peak_the_report_says_why() -> None:
    assert section(recorded_text(recording_of(), 80), "Peak")[0] == (
        "Peak: not measured: the target ended within 1 ms"
    )


def test_names_cannot_draw_on_the_terminal() -> None:
    hostile = replace(MAKE, name="a\x1b[2J\n")
    header = replace(HEADER, command=("x\x1b]0;",))
    (snapshot,) = snapshots([hostile])
    text = recorded_text(recording_of(snapshot, Mark("m\x1b", 0.0, None), header=header), 80)
    assert text.startswith(r"'x\x1b]0;'")
    assert "\x1b" not in text
    assert r"a\x1b[2J\n" in text
    assert r"1  m\x1b at 0.0 s" in text


def test_a_terminal_without_bars_gets_ascii() -> None:
    text = recorded_text(recording_of(*COURSE), 60, ascii_only=True)
    assert text.isascii()
    assert "   40.0 +" in text


def test_processes_that_were_watched_are_named() -> None:
    header = replace(HEADER, command=None, targets=(7, 8))
    assert heading_lines(header, 80)[0] == "processes 7, 8 with descendants"
    alone = replace(header, targets=(7,), recursive=False)
    assert heading_lines(alone, 80)[0] == "process 7"


NAMES = st.text(st.characters(codec="utf-8"), max_size=15)


@settings(max_examples=15)
@given(st.integers(40, 200), st.lists(NAMES, min_size=1, max_size=3), st.booleans())
def test_tables_and_the_chart_are_no_wider_than_the_terminal(
    width: int,
    names: list[str],
    ascii_only: bool,  # noqa: FBT001 - given by name
) -> None:
    processes = [process(7 + at, name, MIB, depth=at * 9) for at, name in enumerate(names)]
    marks = [Mark(name, 0.05 * at, None) for at, name in enumerate(names)]
    recording = recording_of(*snapshots(processes, processes), *marks)
    text = recorded_text(recording, width, ascii_only=ascii_only)
    for start in ("PSS of", "At the peak", "Programs"):
        assert max(map(cell_len, section(text, start))) <= width
