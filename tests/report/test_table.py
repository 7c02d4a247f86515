"""The live table, to the letter: a view in, text for a terminal of a given size out."""

from __future__ import annotations

import io
import re
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


GIB = 1 << 30
ESTIMATED = Memory(
    pss_bytes=1811 * MIB,
    uss_bytes=1700 * MIB,
    rss_bytes=1900 * MIB,
    swap_pss_bytes=9 * MIB,
    hugetlb_bytes=7 * MIB,
    pss_low_bytes=1780 * MIB,
    pss_high_bytes=1900 * MIB,
)


def glanced_view() -> View:
    """Return a view between two walks: a size is an estimate, another is exact all the same."""
    glanced = ProcessSample(
        ProcessKey(7, 7), "loader", 1, 0, ReadStatus.MEASURED, ESTIMATED, walk_age_s=1.2
    )
    idle = row(8, "idle", 4)
    sizes = replace(idle.memory, pss_anon_bytes=4 * MIB, pss_file_bytes=0, pss_shmem_bytes=0)
    exact = replace(idle, sample=replace(idle.sample, memory=sizes, walk_age_s=1.2))
    return replace(
        view_of([ProcessRow(glanced, GIB * 2), exact]),
        total=replace(ESTIMATED, pss_bytes=1815 * MIB),
        peak=Peak(
            1815 * MIB, snapshot_of({7: 1815 * MIB}, elapsed_s=12.34), 1780 * MIB, 1900 * MIB
        ),
        elapsed_s=12.34,
        stats=replace(STATS, walks=5, walk_s=0.1, held_share=0.0075),
        walk_age_s=1.2,
    )


def glanced_table(width: int, *, ascii_only: bool = False) -> list[str]:
    shown = dashboard(glanced_view(), width=width, height=24, ascii_only=ascii_only)
    return text_of(shown, width)


def test_an_estimate_is_marked_and_the_footer_says_how_old_and_how_uncertain_it_is() -> None:
    assert glanced_table(88) == [
        "    PID NAME                 PSS     PEAK      USS      RSS     SWAP     HUGE TREND",
        "      7 loader         ~1.77 GiB 2.00 GiB 1.66 GiB 1.86 GiB 9.00 MiB 7.00 MiB",
        "      8   idle          4.00 MiB 8.00 MiB 2.00 MiB 8.00 MiB      0 B        - ▁▅█",
        "Total ~1.77 GiB  peak 1.77 GiB at 12.3 s  between 1.74 and 1.86 GiB  ▁▁▂█",
        "12.3 s  42 samples  3 missed  walked 1.2 s ago  cost 0.8 %  sweep  1.8 ms",
    ]


def test_what_does_not_fit_of_an_estimate_is_left_out_whole() -> None:
    assert glanced_table(40, ascii_only=True) == [
        "    PID NAME                PSS     PEAK",
        "      7 loader        ~1.77 GiB 2.00 GiB",
        "      8   idle         4.00 MiB 8.00 MiB",
        "Total ~1.77 GiB  peak 1.77 GiB at 12.3 s",
        "12.3 s  42 samples  3 missed",
    ]
    assert glanced_table(60)[-1] == "12.3 s  42 samples  3 missed  walked 1.2 s ago  cost 0.8 %"


@given(st.integers(40, 200), st.booleans())
def test_estimates_fit_any_terminal(width: int, ascii_only: bool) -> None:  # noqa: FBT001
    file = io.StringIO()
    console = Console(file=file, width=width + 50, color_system=None, markup=False, emoji=False)
    shown = dashboard(glanced_view(), width=width, height=24, ascii_only=ascii_only)
    console.print(shown)
    lines = file.getvalue().splitlines()
    assert max(Text(line.rstrip()).cell_len for line in lines) <= width
    assert sum("~1.77 GiB" in line for line in lines) == 2
    assert all(line.isascii() for line in lines if ascii_only)


def test_an_estimate_is_dimmed_as_is_what_only_the_last_walk_showed() -> None:
    file = io.StringIO()
    console = Console(file=file, width=120, color_system="standard", force_terminal=True)
    console.print(dashboard(glanced_view(), width=120, height=24))
    (estimated,) = [line for line in file.getvalue().splitlines() if "loader" in line]
    (exact,) = [line for line in file.getvalue().splitlines() if "idle" in line]
    dimmed = re.findall(r"\x1b\[2m *(\S+ \S+?)\x1b\[0m", estimated)
    assert dimmed == ["~1.77 GiB", "1.66 GiB", "9.00 MiB", "7.00 MiB"]
    assert "\x1b[2m" not in exact


def test_the_view_of_the_peak_says_how_old_its_estimate_was() -> None:
    shown = dashboard(replace(glanced_view(), is_peak=True), width=80, height=24)
    assert text_of(shown, 80)[-1].startswith(
        "at the peak, 12.3 s  42 samples  3 missed  walked 1.2 s before"
    )


def test_a_total_that_is_exact_has_no_age() -> None:
    exact = replace(glanced_view(), total=Memory(pss_bytes=GIB))
    assert "walked" not in text_of(dashboard(exact, width=120, height=24), 120)[-1]
    walked = replace(glanced_view(), walk_age_s=0.0)
    assert "walked" not in text_of(dashboard(walked, width=120, height=24), 120)[-1]


def test_the_sum_of_rows_that_do_not_fit_may_be_an_estimate() -> None:
    view = glanced_view()
    lines = text_of(
        dashboard(replace(view, rows=(*view.rows, view.rows[0])), width=60, height=4), 60
    )
    assert lines[1].split()[:5] == ["…", "3", "more:", "~3.54", "GiB"]


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
    if width >= 10:  # The narrowest column is that of PSS, with a gap.
        assert max(Text(line.rstrip()).cell_len for line in lines) <= width
