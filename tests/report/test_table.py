"""The live table: a view in, lines for a terminal of a given size out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from memstat.model import Memory, ReadStatus
from memstat.report.board import ProcessRow, View
from memstat.report.table import dashboard, one_line
from memstat.report.view_options import Order, ViewOptions
from memstat.results import Peak
from memstat.testing import snapshot_of
from tests.report.views import MIB, STATS, USUAL, denied, printed, row, table, view_of

GIB = 1 << 30
ROWS = (
    row(7, "make", 4, depth=0),
    row(12, "cc1plus \x1b[31m", 180, growth_mib=12.3),
    row(4_194_304, "as", 2, depth=2, growth_mib=-0.5),
    denied(30, "sudo", 6),
)
ENDED = (row(31, "ld", 64),)
VIEW = view_of(ROWS, ENDED)

FOOTER = [
    "Total   186 MiB  peak  250 MiB at 12.3 s  ▁▅█▆",
    "partial: 1 unreadable  1:15  4 processes  42 samples  3 missed  sweep 1.8 ms",
]


def test_at_80_columns() -> None:
    assert table(VIEW, 80) == [
        "    PID NAME              PSS MiB   %  GROW/s    PEAK     USS     RSS      TREND",
        "      7 make                  4.0   2             8.0     2.0     8.0        ▁▅█",
        r"     12   cc1plus \x1b[3…   180.0  97   +12.3   360.0    90.0   360.0        ▁▅█",
        "4194304     as                2.0   1    -0.5     4.0     1.0     4.0        ▁▅█",
        "     30   sudo             denied                   -       -     6.0",
        "     31 ld                  ended               128.0",
        *FOOTER,
    ]


def test_at_40_columns_there_is_less_of_everything() -> None:
    assert table(VIEW, 40) == [
        "    PID NAME             PSS MiB    PEAK",
        "      7 make                 4.0     8.0",
        r"     12   cc1plus \x1b[…   180.0   360.0",
        "4194304     as               2.0     4.0",
        "     30   sudo            denied       -",
        "     31 ld                 ended   128.0",
        "Total   186 MiB  peak  250 MiB at 12.3 s",
        "partial: 1 unreadable  1:15  4 processes",
    ]


def test_ascii_only_draws_with_ascii() -> None:
    accented = replace_name(ROWS[1], "café" * 9)
    view = view_of([ROWS[0], accented, *ROWS[2:]], ENDED)
    for width in (40, 80, 120):
        lines = table(view, width, 6, ascii_only=True)
        assert all(line.isascii() for line in lines)
        assert max(map(len, lines)) <= width
    lines = table(view, 120, ascii_only=True)
    assert lines[2].split()[1].startswith(r"caf\xe9caf\xe9")
    assert re.search(r"  _=#$", lines[1])
    assert lines[-2] == "Total   186 MiB  peak  250 MiB at 12.3 s  _=#+"
    assert table(view, 80, 6, ascii_only=True)[3].split()[:3] == ["...", "2", "others"]


def replace_name(one: ProcessRow, name: str, command_line: str | None = None) -> ProcessRow:
    return one._replace(sample=replace(one.sample, name=name, command_line=command_line))


def replace_memory(one: ProcessRow, **sizes: int) -> ProcessRow:
    return one._replace(sample=replace(one.sample, memory=replace(one.sample.memory, **sizes)))


TITLES = (
    *("PID", "NAME", "PSS", "MiB", "%", "GROW/s", "PEAK"),
    *("USS", "RSS", "SWAP", "HUGE", "TREND", "COMMAND"),
)
DROPPED = ("COMMAND", "%", "RSS", "TREND", "USS", "GROW/s", "HUGE", "SWAP", "PEAK", "PID")


def test_columns_are_dropped_in_the_stated_order() -> None:
    everything = view_of([replace_memory(ROWS[0], hugetlb_bytes=MIB, swap_pss_bytes=MIB)])
    headers = [table(everything, width)[0].split() for width in range(200, 10, -1)]
    all_titles = [*TITLES]
    expected = [tuple(all_titles)]
    for left_out in (
        "COMMAND",
        "%",
        "RSS",
        "TREND",
        "USS",
        "GROW/s",
        "HUGE",
        "SWAP",
        "PEAK",
        "PID",
    ):
        all_titles.remove(left_out)
        expected.append(tuple(all_titles))
    assert [*dict.fromkeys(map(tuple, headers))] == [*expected, ("NAME",)]


def test_swap_and_huge_pages_have_columns_where_there_are_any() -> None:
    assert "SWAP" not in table(VIEW, 200)[0]
    swapped = replace_memory(ROWS[0], swap_pss_bytes=3 * MIB)
    assert table(view_of([swapped]), 100)[0].split()[8:] == ["RSS", "SWAP", "TREND"]
    huge = replace_memory(ROWS[0], hugetlb_bytes=64 * MIB)
    titles, line, *_ = table(view_of([huge]), 100)
    assert titles.split()[8:] == ["RSS", "HUGE", "TREND"]
    assert "     8.0    64.0 " in line


def test_columns_stay_where_they_are_whatever_is_in_them() -> None:
    long = row(9, "n" * 15, 4, depth=30, command_line=f"/usr/bin/{'n' * 15} {'x' * 300}")
    for width in range(20, 220, 7):
        assert table(view_of([ROWS[0]]), width)[0] == table(view_of([ROWS[0], long]), width)[0]


def test_a_wide_terminal_has_names_and_command_lines_and_sizes_next_to_the_names() -> None:
    worker = row(8, "worker-1", 9, command_line="/usr/bin/python3 many.py \x1b[2J")
    lines = table(view_of([ROWS[0], worker]), 200)
    assert lines[2].index("9.0") < 50
    assert lines[2].endswith(r" python3 many.py \x1b[2J")
    assert "  worker-1 " in lines[2]
    trend = lines[0].index("TREND") + len("TREND") - (lines[0].index("RSS") + len("RSS") + 1)
    assert trend == 40


def test_a_narrow_one_has_arguments_behind_the_name_of_a_program_where_there_is_room() -> None:
    make = row(7, "make", 4, depth=0, command_line="/usr/bin/make -j4 \x1b[2J all")
    worker = row(8, "worker-1", 9, command_line="python3 many.py")
    long = row(9, "x-terminal-emul", 9, command_line="/bin/x-terminal-emulator -e sh")
    lines = table(view_of([make, worker, long]), 80)
    assert lines[1].startswith(r"      7 make -j4 \x1b[2J…  ")
    assert lines[2].startswith("      8   worker-1           ")
    assert lines[3].startswith("      9   x-terminal-emu…  ")
    without = table(view_of([make]), 80, options=ViewOptions(has_command_lines=False))
    assert without[1].startswith("      7 make     ")
    wide = table(view_of([make]), 200, options=ViewOptions(has_command_lines=False))
    assert "COMMAND" not in wide[0]
    assert "-j4" not in wide[1]


def test_the_footer_tells_what_the_total_leaves_out() -> None:
    view = replace(VIEW, beside_pss="not in PSS: 12.0 MiB swapped out", unreadable=0)
    shown = table(view, 80)[-1]
    assert shown == "not in PSS: 12.0 MiB swapped out  1:15  4 processes  42 samples  3 missed"


def test_a_process_that_has_ended_is_dimmed_and_says_so() -> None:
    lines = printed(dashboard(VIEW, width=40, height=24), colours=True)
    (ended,) = [line for line in lines if " ld " in line]
    assert re.fullmatch(r"\x1b\[2m +31 ld +ended +128.0\x1b\[0m", ended)
    assert all("\x1b[2m" not in line for line in lines if "make" in line)


def test_the_footer_of_the_peak_says_so() -> None:
    view = replace(view_of(ROWS[:1]), is_peak=True, elapsed_s=12.34)
    assert table(view, 80)[-1] == (
        "at the peak, 12.3 s  1 process  42 samples  3 missed  sweep 1.8 ms"
    )


def test_before_anything_is_known_nothing_is_claimed() -> None:
    stats = replace(STATS, sweep_median_s=None, missed_ticks=0)
    view = replace(view_of([], peak_mib=None), trend=(), stats=stats)
    assert table(view, 80)[1:] == ["Total         ?", "1:15  0 processes  42 samples"]


def test_one_line_shows_total_and_peak() -> None:
    assert printed(one_line(VIEW, width=60)) == [FOOTER[0]]
    # What does not fit whole is left out.
    assert printed(one_line(VIEW, width=30)) == ["Total   186 MiB  ▁▅█▆"]
    assert printed(one_line(VIEW, width=10)) == ["Total   18"]


ESTIMATED = row(7, "loader", 1811, depth=0, estimated=True)
IDLE = row(8, "idle", 4)


def glanced_view() -> View:
    """Return a view between two walks: a size is an estimate, another is exact all the same."""
    snapshot = snapshot_of({7: 1815 * MIB}, elapsed_s=12.34)
    return replace(
        view_of([ESTIMATED, IDLE]),
        peak=Peak(1815 * MIB, snapshot, 1780 * MIB, 1900 * MIB),
        elapsed_s=12.34,
        stats=replace(STATS, walks=5, walk_s=0.1, held_share=0.0075),
        walk_age_s=1.2,
    )


def test_an_estimate_is_marked_and_the_footer_says_how_old_and_how_uncertain_it_is() -> None:
    assert table(glanced_view(), 88) == [
        "    PID NAME                    PSS MiB   %  GROW/s    PEAK     USS     RSS        TREND",
        "      7 loader                  ~1811.0 100         ~3622.0   905.5  3622.0          ▁▅█",
        "      8   idle                      4.0                 8.0     2.0     8.0          ▁▅█",
        "Total ~1.77 GiB  peak 1.77 GiB at 12.3 s  between 1.74 and 1.86 GiB  ▁▁▂█",
        "12.3 s  2 processes  42 samples  3 missed  walked 1.2 s ago  cost 0.8 %  sweep 1.8 ms",
    ]


def test_an_estimate_is_dimmed_as_is_what_only_the_last_walk_showed() -> None:
    lines = printed(dashboard(glanced_view(), width=120, height=24), colours=True)
    (estimated,) = [line for line in lines if "loader" in line]
    (exact,) = [line for line in lines if "idle" in line]
    dimmed = " ".join(re.findall(r"\x1b\[2m([^\x1b]*)\x1b\[0m", estimated)).split()
    assert dimmed == ["~1811.0", "~3622.0", "905.5"]
    assert "\x1b[2m" not in exact


def test_a_peak_of_which_no_digit_is_in_doubt_is_not_marked() -> None:
    near = IDLE._replace(peak_bounds=(8 * MIB - 9, 8 * MIB + 9))
    assert "~" not in table(view_of([near]), 80)[1]


def test_the_view_of_the_peak_says_how_old_its_estimate_was() -> None:
    shown = table(replace(glanced_view(), is_peak=True), 100)[-1]
    assert "  walked 1.2 s before  " in shown


def test_a_total_that_is_exact_has_no_age() -> None:
    exact = replace(glanced_view(), total=Memory(pss_bytes=GIB))
    assert "walked" not in table(exact, 120)[-1]
    walked = replace(glanced_view(), walk_age_s=0.0)
    assert "walked" not in table(walked, 120)[-1]


def test_a_total_that_may_be_wrong_is_marked_in_text_and_in_yellow() -> None:
    torn = replace(view_of(ROWS[:3]), is_torn=True, stats=replace(STATS, torn_samples=2))
    assert table(torn, 80)[-2].startswith("Total  ~186 MiB  peak")
    *_, total, facts = printed(dashboard(torn, width=80, height=24), colours=True)
    assert total.startswith("\x1b[1;33mTotal  ~186 MiB\x1b[0m")
    assert "\x1b[33m  2 uncertain\x1b[0m" in facts


def test_what_may_not_be_read_is_yellow() -> None:
    lines = printed(dashboard(VIEW, width=80, height=24), colours=True)
    (line,) = [line for line in lines if "sudo" in line]
    assert "\x1b[33mdenied" in re.sub(r"m +", "m", line)
    assert "\x1b[33mpartial: 1 unreadable" in lines[-1]


@pytest.mark.parametrize(("share", "style"), [(0.01, None), (0.06, "\x1b[1m"), (0.3, "\x1b[1;35m")])
def test_a_large_share_of_the_total_catches_the_eye(share: float, style: str | None) -> None:
    view = view_of([row(1, "rest", 1000 * (1 - share), depth=0), row(2, "part", 1000 * share)])
    line = printed(dashboard(view, width=80, height=24), colours=True)[2]
    size = re.search(rf"(\x1b\[[\d;]+m)? *{1000 * share:.1f}", line)
    assert size is not None
    assert size[1] == style
    per_cent = f"{100 * share:.0f}"
    assert re.search(rf"{1000 * share:.1f} +{per_cent} ", table(view, 80)[2])


@pytest.mark.parametrize(
    ("growth_mib", "text", "colour"),
    [(30, "+30.0", "\x1b[31m"), (-30, "-30.0", "\x1b[32m"), (1, "+1.0", None), (0.01, "", None)],
)
def test_growth_has_a_sign_and_a_colour_where_it_matters_to_the_total(
    growth_mib: float, text: str, colour: str | None
) -> None:
    view = view_of([row(1, "one", 1000, depth=0, growth_mib=growth_mib)], peak_mib=1000)
    assert (text in table(view, 80)[1]) or not text
    line = printed(dashboard(view, width=80, height=24), colours=True)[1]
    assert bool(re.search(r"\x1b\[3[12]m", line)) == (colour is not None)
    assert colour is None or colour in line


def test_the_column_that_is_sorted_by_is_underlined_and_named_below() -> None:
    options = USUAL.sorted_by(Order.PEAK)
    page = printed(dashboard(VIEW, options, width=80, height=24), colours=True)
    assert re.search(r"\x1b\[1;4m *PEAK", page[0])
    assert table(VIEW, 80, options=options)[-1].startswith("by peak  partial")


KEYS = USUAL._replace(has_keys=True)


def test_the_footer_names_keys_where_there_are_any() -> None:
    assert table(VIEW, 80, options=KEYS)[-1] == (
        "partial: 1 unreadable  1:15  4 processes  42 samples      q quit  s sort  ? keys"
    )
    assert table(VIEW, 40, options=KEYS)[-1] == "partial: 1 unreadable  1:15       ? keys"


def test_the_footer_tells_of_what_is_not_as_usual() -> None:
    options = KEYS._replace(is_paused=True, filter_text="cc\u202e", is_folded=True)
    assert table(VIEW, 120, options=options)[-1].startswith(
        r"paused  filter: cc\u202e  by PSS  partial: 1 unreadable  "
    )


def test_a_filter_is_seen_while_it_is_typed() -> None:
    options = KEYS._replace(is_filter_edited=True, filter_text="cc")
    assert table(VIEW, 80, options=options)[-1] == ("filter: cc_  Enter keeps it, Esc clears it")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (40, 24), (200, 60)])
def test_the_help_has_all_keys(width: int, height: int) -> None:
    lines = table(VIEW, width, height, KEYS._replace(shows_help=True))
    assert len(lines) <= height
    text = "\n".join(lines)
    for what in ("quit", "sort", "tree or list", "filter", "largest again", "these keys"):
        assert what in text
    assert lines[-2].startswith("Total   186 MiB")
    assert ("an estimate" in text) == (height >= 24 and width >= 40)


NAMES = st.text(max_size=30) | st.sampled_from(
    [
        "\x1b[2J",
        "日本語の名前",
        "שלום",
        "e\u0301" * 20,
        "\u0301" * 40,
        "👩\u200d💻",
        "❤\ufe0f",
        "a\nb",
        "",
    ]
)
PROCESSES = st.builds(
    row,
    st.integers(1, 1 << 22),
    NAMES,
    st.floats(0, 1 << 30),
    depth=st.integers(0, 60),
    command_line=st.none() | NAMES,
    growth_mib=st.none() | st.floats(-(1 << 30), 1 << 30),
    estimated=st.booleans(),
) | st.builds(denied, st.integers(1, 1 << 22), NAMES, st.integers(0, 1 << 20))
OPTIONS = st.builds(
    ViewOptions,
    order=st.sampled_from(Order),
    is_flat=st.booleans(),
    is_folded=st.booleans(),
    filter_text=st.sampled_from(["", "a", "日"]),
    is_filter_edited=st.booleans(),
    has_command_lines=st.booleans(),
    first=st.none() | st.integers(0, 50),
    is_paused=st.booleans(),
    shows_help=st.booleans(),
    has_keys=st.booleans(),
    replay_text=st.sampled_from(["", "replay at 2 x"]),
)


@given(
    width=st.integers(1, 220),
    height=st.integers(1, 60),
    processes=st.lists(PROCESSES, max_size=80),
    ended=st.lists(PROCESSES, max_size=20),
    options=OPTIONS,
    ascii_only=st.booleans(),
)
def test_a_table_never_exceeds_the_terminal(
    *,
    width: int,
    height: int,
    processes: list[ProcessRow],
    ended: Sequence[ProcessRow],
    options: ViewOptions,
    ascii_only: bool,
) -> None:
    lines = table(view_of(processes, ended), width, height, options, ascii_only=ascii_only)
    assert 0 < len(lines) <= height
    assert max(map(cell_len, lines)) <= width
    assert all(line.isprintable() for line in lines)
    assert not ascii_only or all(line.isascii() for line in lines)


def test_a_status_that_is_no_size_stands_for_one() -> None:
    failed, none = (
        ProcessRow(replace(ROWS[0].sample, status=status, memory=Memory()))
        for status in (ReadStatus.UNREADABLE, ReadStatus.NO_MEMORY)
    )
    lines = table(view_of([ROWS[0], failed, none]), 40)
    assert [line.split()[2] for line in lines[1:4]] == ["4.0", "failed", "-"]
