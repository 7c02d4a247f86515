"""The live table, to the letter: a view in, text for a terminal of a given size out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType
from rich.text import Text

from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus
from memstat.report.board import ProcessRow, View
from memstat.report.table import dashboard, total_line
from memstat.results import Peak, SamplingStats
from memstat.testing import snapshot_of

MIB = 1 << 20
STATS = SamplingStats(0.1, 42, 3, 0, 0.2, 0.0018, 0.004)


def row(pid: int, name: str, pss_mib: int, *, depth: int = 1, ended: bool = False) -> ProcessRow:
    sizes = Memory(
        pss_bytes=pss_mib * MIB,
        uss_bytes=pss_mib * MIB // 2,
        rss_bytes=pss_mib * MIB * 2,
        swap_pss_bytes=0,
    )
    sample = ProcessSample(
        ProcessKey(pid, pid), name, 1, depth, ReadStatus.MEASURED, sizes, pss_mib * MIB * 2
    )
    return ProcessRow(sample, 2 * pss_mib * MIB, (0, pss_mib * MIB, 2 * pss_mib * MIB), ended)


DENIED = ProcessRow(
    ProcessSample(
        ProcessKey(30, 30), "sudo", 1, 1, ReadStatus.DENIED, Memory(rss_bytes=6 * MIB), 6 * MIB
    ),
    None,
)
ROWS = (
    row(7, "make", 4, depth=0),
    row(12, "cc1plus \x1b[31m", 180),
    row(4_194_304, "as", 2, depth=2),
    DENIED,
    row(31, "ld", 64, ended=True),
)


def view_of(rows: Sequence[ProcessRow]) -> View:
    total = sum(r.pss_bytes for r in rows if not r.ended)
    return View(
        rows=tuple(rows),
        total=Memory(pss_bytes=total),
        peak=Peak(250 * MIB, snapshot_of({7: 250 * MIB}, elapsed_s=12.34)),
        trend=(0, 125 * MIB, 250 * MIB, total),
        elapsed_s=75.0,
        stats=STATS,
        unreadable=sum(r.sample.status is ReadStatus.DENIED for r in rows),
    )


def text_of(renderable: RenderableType, width: int) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None, markup=False, emoji=False)
    console.print(renderable)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def table(
    width: int, *, rows: Sequence[ProcessRow] = ROWS, height: int = 24, ascii_only: bool = False
) -> list[str]:
    shown = dashboard(view_of(rows), width=width, height=height, ascii_only=ascii_only)
    return text_of(shown, width)


FOOTER = [
    "Total   186 MiB  peak  250 MiB at 12.3 s  ▁▅█▆",
    "partial: 1 unreadable  1:15  42 samples  3 missed  sweep  1.8 ms",
]


def test_at_80_columns() -> None:
    assert table(80) == [
        "    PID NAME                  PSS     PEAK      USS      RSS     SWAP TREND",
        "      7 make             4.00 MiB 8.00 MiB 2.00 MiB 8.00 MiB      0 B ▁▅█",
        "     12   cc1plus \\x1b…   180 MiB  360 MiB 90.0 MiB  360 MiB      0 B ▁▅█",
        "4194304     as           2.00 MiB 4.00 MiB 1.00 MiB 4.00 MiB      0 B ▁▅█",
        "     30   sudo             denied        -        - 6.00 MiB        -",
        "     31   ld                 gone  128 MiB        -        -        - ▁▅█",
        *FOOTER,
    ]


def test_at_40_columns_there_is_less_of_everything() -> None:
    assert table(40) == [
        "    PID NAME                PSS     PEAK",
        "      7 make           4.00 MiB 8.00 MiB",
        "     12   cc1plus \\x…   180 MiB  360 MiB",
        "4194304     as         2.00 MiB 4.00 MiB",
        "     30   sudo           denied        -",
        "     31   ld               gone  128 MiB",
        "Total   186 MiB  peak  250 MiB at 12.3 s",
        "partial: 1 unreadable  1:15  42 samples",
    ]


def test_at_200_columns_the_names_have_the_room() -> None:
    sizes = [
        "      PSS     PEAK      USS      RSS     SWAP TREND",
        " 4.00 MiB 8.00 MiB 2.00 MiB 8.00 MiB      0 B ▁▅█",
        "  180 MiB  360 MiB 90.0 MiB  360 MiB      0 B ▁▅█",
        " 2.00 MiB 4.00 MiB 1.00 MiB 4.00 MiB      0 B ▁▅█",
        "   denied        -        - 6.00 MiB        -",
        "     gone  128 MiB        -        -        - ▁▅█",
    ]
    names = [
        "    PID NAME             ",
        "      7 make             ",
        "     12   cc1plus \\x1b[31m",
        "4194304     as           ",
        "     30   sudo           ",
        "     31   ld             ",
    ]
    expected = [f"{name:<144}{size}" for name, size in zip(names, sizes, strict=True)]
    assert table(200) == [*expected, *FOOTER]


def test_ascii_only_draws_with_ascii() -> None:
    lines = table(120, ascii_only=True)
    assert lines[1].endswith(" 4.00 MiB 8.00 MiB 2.00 MiB 8.00 MiB      0 B _=#")
    assert lines[-2] == "Total   186 MiB  peak  250 MiB at 12.3 s  _=#+"
    assert all(line.isascii() for line in lines)
    assert table(120, height=6, ascii_only=True)[3].split()[:3] == ["...", "2", "more:"]


def test_columns_are_dropped_in_the_stated_order() -> None:
    headers = [table(width, rows=[])[0].split() for width in range(200, 20, -1)]
    assert [*dict.fromkeys(map(tuple, headers))] == [
        ("PID", "NAME", "PSS", "PEAK", "USS", "RSS", "SWAP", "TREND"),
        ("PID", "NAME", "PSS", "PEAK", "USS", "RSS", "TREND"),
        ("PID", "NAME", "PSS", "PEAK", "USS", "RSS"),
        ("PID", "NAME", "PSS", "PEAK", "USS"),
        ("PID", "NAME", "PSS", "PEAK"),
        ("PID", "NAME", "PSS"),
        ("NAME", "PSS"),
    ]


def test_huge_pages_have_a_column_where_there_are_any() -> None:
    plain = row(7, "make", 4)
    sizes = replace(plain.sample.memory, hugetlb_bytes=64 * MIB)
    huge = replace(plain, sample=replace(plain.sample, memory=sizes))
    titles, line, *_ = table(90, rows=[huge])
    assert titles.split()[-3:] == ["SWAP", "HUGE", "TREND"]
    assert "     0 B 64.0 MiB " in line
    headers = [table(width, rows=[huge])[0].split() for width in range(100, 60, -1)]
    assert [*dict.fromkeys(map(tuple, headers))][:2] == [
        ("PID", "NAME", "PSS", "PEAK", "USS", "RSS", "SWAP", "HUGE", "TREND"),
        ("PID", "NAME", "PSS", "PEAK", "USS", "RSS", "SWAP", "TREND"),
    ]


def test_the_footer_tells_what_the_total_leaves_out() -> None:
    view = replace(view_of(ROWS), beside_pss="not in PSS: 12.0 MiB swapped out", unreadable=0)
    shown = text_of(dashboard(view, width=80, height=20), 80)
    assert (
        shown[-1] == "not in PSS: 12.0 MiB swapped out  1:15  42 samples  3 missed  sweep  1.8 ms"
    )


def test_where_rows_do_not_fit_the_largest_are_shown_and_the_rest_is_summed() -> None:
    assert table(40, height=6)[1:-2] == [
        "      7 make           4.00 MiB 8.00 MiB",
        "     12   cc1plus \\x…   180 MiB  360 MiB",
        "        … 2 more:      2.00 MiB",
    ]


def test_processes_that_have_ended_make_room_first_and_count_no_more() -> None:
    rows = [row(1, "small", 1), row(2, "ended", 500, ended=True), row(3, "smaller", 1)]
    assert table(40, rows=rows, height=5)[1:-2] == [
        "      1   small        1.00 MiB 2.00 MiB",
        "      3   smaller      1.00 MiB 2.00 MiB",
    ]
    assert table(40, rows=rows, height=4)[1:-2] == ["        … 2 more:      2.00 MiB"]


def test_the_sum_of_those_that_may_not_be_read_is_unknown_and_not_zero() -> None:
    lines = table(40, rows=[row(1, "readable", 1), DENIED, DENIED], height=5)
    assert lines[2] == "        … 2 more:             -"


def test_a_process_that_has_ended_is_dimmed() -> None:
    file = io.StringIO()
    console = Console(file=file, width=40, color_system="standard", force_terminal=True)
    console.print(dashboard(view_of(ROWS), width=40, height=24))
    ended = [line for line in file.getvalue().splitlines() if " ld " in line]
    assert len(ended) == 1
    assert "\x1b[2m" in ended[0]
    assert all("\x1b[2m" not in line for line in file.getvalue().splitlines() if "make" in line)


def test_a_command_line_stands_for_the_name_where_there_is_room() -> None:
    command_line = "/usr/bin/make -j4 \x1b[2Jall /x"
    sample = replace(ROWS[0].sample, command_line=command_line)
    view = view_of([replace(ROWS[0], sample=sample), *ROWS[1:]])
    wide, narrow = (text_of(dashboard(view, width=width, height=24), width) for width in (100, 80))
    assert wide[1].startswith("      7 make -j4 \\x1b[2Jall /x ")
    assert narrow[1].startswith("      7 make    ")


def test_the_footer_of_the_peak_says_so() -> None:
    view = replace(view_of(ROWS[:1]), is_peak=True, elapsed_s=12.34)
    footer = text_of(dashboard(view, width=80, height=24), 80)[-1]
    assert footer == "at the peak, 12.3 s  42 samples  3 missed  sweep  1.8 ms"


def test_before_anything_is_known_nothing_is_claimed() -> None:
    view = replace(
        view_of([]), total=Memory(), peak=None, trend=(), stats=replace(STATS, sweep_median_s=None)
    )
    assert text_of(dashboard(view, width=80, height=24), 80)[1:] == [
        "Total         ?",
        "1:15  42 samples  3 missed",
    ]


def test_one_line_shows_total_and_peak() -> None:
    assert text_of(total_line(view_of(ROWS), width=60), 60) == [FOOTER[0]]
    # What does not fit whole is left out.
    assert text_of(total_line(view_of(ROWS), width=30), 30) == ["Total   186 MiB  ▁▅█▆"]
    assert text_of(total_line(view_of(ROWS), width=10), 10) == ["Total   18"]


@given(
    st.integers(1, 220),
    st.integers(4, 60),
    st.lists(
        st.builds(row, st.integers(1, 1 << 22), st.text(max_size=30), st.integers(0, 1 << 30))
    ),
)
def test_a_table_never_exceeds_the_terminal(
    width: int, height: int, rows: list[ProcessRow]
) -> None:
    file = io.StringIO()
    # Wider than the terminal, so that nothing is cut but by the table itself.
    console = Console(file=file, width=width + 50, color_system=None, markup=False, emoji=False)
    console.print(dashboard(view_of(rows), width=width, height=height))
    lines = file.getvalue().splitlines()
    assert len(lines) <= height
    if width >= 9:
        assert max(Text(line.rstrip()).cell_len for line in lines) <= width
