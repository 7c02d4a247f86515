"""The table of ``run -rv`` and ``get -w`` on a real terminal."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from memstat.terminal.frame import ERASE_TABLE
from tests.targets import Target, python
from tests.terminal.conftest import OpenTerminal
from tests.terminal.programs import TREE, Gate, script
from tests.terminal.recording import frames
from tests.terminal.table import rows, shows_children, size_bytes, summed, total
from tests.terminal.tmux import Tmux

MIB = 1 << 20


def start_tree(terminal: Tmux, directory: Path, *sizes: int, before: str = "", on: str = "") -> str:
    """Run a tree under a dashboard, and return the screen when all of it is there."""
    tree = script(directory, "tree.py", TREE)
    arguments = " ".join(map(str, sizes))
    terminal.type(f"{before} memstat run -rv {on} -- {tree} gate {arguments}; echo status=$?.")
    return terminal.wait_for(
        lambda screen: shows_children(len(sizes))(screen) and summed(screen) > sum(sizes) * MIB
    )


def test_a_tree_is_shown_with_its_total_and_its_peak(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal()
    start_tree(terminal, tmp_path, 30, 10)

    def is_exact(screen: str) -> bool:
        # At a glance after the forks, less may be taken for theirs.
        _, large, small = rows(screen)
        return size_bytes(large.pss) > 30 * MIB and size_bytes(small.pss) > 10 * MIB

    screen = terminal.wait_for(is_exact)
    target, large, small = rows(screen)
    assert (target.depth, large.depth, small.depth) == (0, 1, 1)
    assert re.fullmatch(r"python[\d.]* -u tree\.py gate 30 (10|…)", target.name)
    assert size_bytes(large.pss) < 35 * MIB
    assert size_bytes(small.pss) < 15 * MIB
    assert total(screen).pss_bytes == pytest.approx(summed(screen), rel=0.01)
    assert total(screen).peak_bytes >= total(screen).pss_bytes
    gate.open()
    assert terminal.wait_for_status() == 0
    at_end = terminal.screen
    assert [row.pid for row in rows(at_end)] == [target.pid, large.pid, small.pid]
    assert total(at_end).pss_bytes == total(at_end).peak_bytes
    after = at_end[at_end.index("at the peak") :]
    assert re.search(r"^Peak: [\d.]+ MiB(?: \(between [^)]+\))? at [\d.]+ s$", after, re.MULTILINE)
    assert re.search(r"^Exited with code 0 after [\d.]+ s, \d+ samples", after, re.MULTILINE)
    assert at_end.count("NAME") == 1


def test_the_order_and_a_filter_are_chosen_at_the_start(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal()
    tree = script(tmp_path, "tree.py", TREE)
    terminal.type(f"memstat run -rv --sort pss -- {tree} gate 10 30; echo status=$?.")
    screen = terminal.wait_for(lambda s: len(rows(s)) == 3 and summed(s) > 40 * MIB)
    large, small, target = rows(screen)
    assert size_bytes(large.pss) > size_bytes(small.pss) > size_bytes(target.pss)
    assert {row.depth for row in (large, small, target)} == {0}
    assert "by PSS  " in screen
    gate.open()
    assert terminal.wait_for_status() == 0
    assert [row.pid for row in rows(terminal.screen)] == [large.pid, small.pid, target.pid]


def test_what_a_filter_leaves_out_is_summed_up(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal()
    tree = script(tmp_path, "tree.py", TREE)
    terminal.type(f"memstat run -rv --filter SLEEP -- sh -c 'sleep 99 & {tree} gate 9; kill $!'")
    screen = terminal.wait_for(lambda s: re.search(r"… 2 others +~?\d", s) and rows(s))
    shell, sleep = rows(screen)
    assert shell.name.startswith("sh -c sleep 99 & ")
    assert (sleep.name, sleep.depth) == ("sleep 99", 1)
    gate.open()
    terminal.wait_for("Exited with code 0")


def test_at_40_columns_no_word_of_the_end_is_broken(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(columns=40)
    assert terminal.run("memstat run -r -- sh -c 'sleep 0.5; exit 3'") == 3
    end = terminal.everything[terminal.everything.index("Peak: ") :]
    assert re.search(r"^Exited with code 3 after [\d.]+ s,$", end, re.MULTILINE)
    assert re.search(r"^  \d+ samples", end, re.MULTILINE)


VANISHING = """
import os, sys
read_end, write_end = os.pipe()
if os.fork() == 0:
    os.close(write_end)
    held = bytearray(os.urandom(1 << 20)) * 20
    os.read(read_end, 1)
    os._exit(0)
open(sys.argv[1]).read()
os.close(write_end)
os.wait()
open(sys.argv[1]).read()
"""


@pytest.mark.calm("it measures how long")
def test_a_process_that_has_ended_stays_dimmed_for_two_seconds(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal()
    terminal.type(f"memstat run -rv -- {script(tmp_path, 'vanish.py', VANISHING)} gate")
    _, child = rows(terminal.wait_for(lambda s: shows_children(1)(s) and summed(s) > 20 * MIB))
    gate.open()
    terminal.wait_for(lambda s: any(row.pss == "ended" for row in rows(s)))
    dimmed = re.compile(rf"\x1b\[[\d;]*\b2m[^\n]*{child.pid}")
    began_s = total_elapsed_s(terminal.wait_for(lambda _: dimmed.search(terminal.in_colour)))
    target, ended = rows(terminal.screen)
    assert (ended.pid, ended.pss) == (child.pid, "ended")
    assert total(terminal.screen).pss_bytes == pytest.approx(size_bytes(target.pss), rel=0.02)
    without = terminal.wait_for(lambda s: [row.pid for row in rows(s)] == [target.pid])
    assert total_elapsed_s(without) - began_s < 4
    gate.open()


def test_it_is_gone_from_view_two_seconds_of_samples_later(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal()
    terminal.record(tmp_path / "bytes")
    terminal.type(f"memstat run -rv -- {script(tmp_path, 'vanish.py', VANISHING)} gate")
    terminal.wait_for(shows_children(1))
    gate.open()
    terminal.wait_for(lambda s: "ended" in s)
    terminal.wait_for(lambda s: "ended" not in s)
    gate.open()
    terminal.wait_for("Exited with code 0")
    tables = [frame.text for frame in frames((tmp_path / "bytes").read_bytes())]
    seen = [total_elapsed_s(table) for table in tables if "ended" in table]
    assert 1.5 <= seen[-1] - seen[0] <= 2.1


def total_elapsed_s(screen: str) -> float:
    """Return the elapsed time in the last line of the table."""
    return float(re.findall(r"([\d.]+) s  \d+ process", screen)[-1])


CROWD = """
import os, sys
read_end, write_end = os.pipe()
for number in range(200):
    if os.fork() == 0:
        os.close(write_end)
        held = bytearray(os.urandom(1 << 18)) * (8 if number % 50 == 0 else 1)
        os.read(read_end, 1)
        os._exit(0)
open(sys.argv[1]).read()
"""


def test_of_more_than_the_screen_holds_the_largest_are_shown_and_the_rest_summed(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal(rows=24)
    terminal.type(f"memstat run -rv -- {script(tmp_path, 'crowd.py', CROWD)} gate")
    shown = 24 - 1 - 1 - 1 - 2
    rest = 201 - shown
    screen = terminal.wait_for(f" x {rest} ")
    screen = terminal.wait_for(lambda s: sum(size_bytes(r.pss) > 2 * MIB for r in rows(s)) >= 4)
    assert len(rows(screen)) == shown
    assert screen.startswith("\n    PID NAME")
    summed_up = re.search(rf"… \S+ x {rest} +(~?[\d.]+)", screen)
    assert summed_up is not None
    assert total(screen).pss_bytes == pytest.approx(
        summed(screen) + size_bytes(f"{summed_up[1]} MiB"), rel=0.01
    )
    gate.open()
    terminal.wait_for("Exited with code 0")
    assert len(rows(terminal.everything)) > 24 // 2 - 1
    assert terminal.everything.count("NAME") == 1


def has_title_at(line: int, screen: str) -> bool:
    lines = screen.splitlines()
    return len(lines) > line and lines[line].lstrip().startswith("PID NAME")


def test_the_table_has_the_screen_until_the_command_prints_and_then_half_of_it(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal(rows=24)
    crowd = CROWD.replace("open(sys.argv[1]).read()", PRINTS)
    terminal.type(f"memstat run -rv -- {script(tmp_path, 'crowd.py', crowd)} gate")
    # A picture that is taken while a frame is drawn has parts of two.
    terminal.wait_for(lambda s: has_title_at(1, s) and len(rows(s)) == 24 - 1 - 4)
    for printed, left in ((3, 20), (8, 15), (20, 12)):
        gate.open()
        terminal.wait_for(partial(is_below, f"line {printed}", left))
    gate.open()
    terminal.wait_for("Exited with code 0")
    everything = terminal.everything
    assert re.findall(r"^line (\d+)$", everything, re.MULTILINE) == [str(n) for n in range(1, 21)]
    assert everything.count("NAME") == 1


@pytest.mark.parametrize(
    ("asks", "key"),
    [
        ("input('Name of it: ')", "Enter"),
        ("os.system('less ' + sys.argv[0])", "q"),
    ],
    ids=["prompt", "pager"],
)
def test_after_a_prompt_or_a_pager_the_table_has_what_room_is_left(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path, asks: str, key: str
) -> None:
    if key == "q" and shutil.which("less") is None:
        pytest.skip("less is not installed")
    terminal = open_terminal(columns=80, rows=24)
    waits = "open(sys.argv[1]).read()"
    crowd = CROWD.replace(waits, f"{waits}\n{asks}\n{waits}")
    terminal.type(f"memstat run -rv -- {script(tmp_path, 'crowd.py', crowd)} gate")
    terminal.wait_for(lambda s: len(rows(s)) == 24 - 1 - 4)
    gate.open()
    terminal.wait_for(lambda s: not rows(s) and ("Name of it:" in s or "import os" in s))
    terminal.press(key)
    # Below the line of the prompt, which stays.
    terminal.wait_for(lambda s: len(rows(s)) == 24 - 2 - 4)
    gate.open()
    terminal.wait_for("Exited with code 0")


def is_below(printed: str, height: int, screen: str) -> bool:
    """Whether a table of so many lines stands below what was printed, down to the last line."""
    lines = screen.splitlines()
    at = 24 - height
    return (
        len(rows(screen)) == height - 4
        and lines[at - 2] == printed
        and lines[at].lstrip().startswith("PID NAME")
        # A frame may take several writes.
        and len(lines) == 24
        and lines[23].startswith(tuple("0123456789"))
    )


PRINTS = """
number = 0
for until in (3, 8, 20):
    open(sys.argv[1]).read()
    while number < until:
        number += 1
        print('line', number)
open(sys.argv[1]).read()
"""


def has_header(screen: str, titles: list[str]) -> bool:
    return any("NAME" in line and titles_in(line) == titles for line in screen.splitlines())


# By the columns of the terminal.
TITLES = {
    200: "PID NAME PSS % GROW/s PEAK USS RSS TREND COMMAND",
    80: "PID NAME PSS % GROW/s PEAK USS RSS TREND",
    70: "PID NAME PSS GROW/s PEAK USS TREND",
    56: "PID NAME PSS GROW/s PEAK USS",
    50: "PID NAME PSS GROW/s PEAK",
    40: "PID NAME PSS PEAK",
    30: "PID NAME PSS",
    22: "NAME PSS",
}


def test_a_narrow_terminal_drops_columns_in_order(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal(columns=max(TITLES))
    tree = script(tmp_path, "tree.py", TREE)
    terminal.type(f"memstat run -rv -- {tree} gate 5; echo status=$?.")
    for columns, titles in TITLES.items():
        terminal.resize(columns, 24)
        screen = terminal.wait_for(partial(has_header, titles=titles.split()))
        assert "Total" in screen
    gate.open()
    assert terminal.wait_for_status() == 0


def test_a_resize_is_followed_and_leaves_nothing_behind(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal(columns=120)
    # Far from the top, and never to less than half: a terminal pushes lines that have become too
    # many off its upper edge at once, and nothing can call them back.
    assert terminal.run("seq 40") == 0
    start_tree(terminal, tmp_path, 5, 5, 5)
    for columns in (90, 60, 140, 100):
        terminal.resize(columns, 30)
        terminal.wait_for(partial(drawn_at, columns))
        assert terminal.everything.count("NAME") == 1
        assert terminal.everything.count("Total") == 1
        assert [row.depth for row in rows(terminal.screen)] == [0, 1, 1, 1]
    gate.open()
    assert terminal.wait_for_status(2) == 0
    assert terminal.everything.count("NAME") == 1


def test_two_resizes_in_a_moment_have_the_table_drawn_anew(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal(columns=80, rows=24)
    terminal.type(f"memstat run -rv -- {script(tmp_path, 'crowd.py', CROWD)} gate")
    terminal.wait_for(lambda s: len(rows(s)) == 24 - 1 - 4)
    (written := tmp_path / "written").touch()
    terminal.record(written)
    # The size is the same as before; what stood on the terminal is not where it was.
    # As one command: tmux waits between two.
    terminal.command("if-shell", "-F", "1", "resize-window -x 50 ; resize-window -x 80")
    terminal.wait_for(lambda _: ERASE_TABLE in written.read_bytes())
    terminal.wait_for(lambda s: len({row.pid for row in rows(s)}) == 24 - 1 - 4)
    gate.open()
    terminal.wait_for("Exited with code 0")


def test_near_the_top_a_resize_leaves_nothing_on_the_screen(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal(columns=120)
    start_tree(terminal, tmp_path, 5, 5, 5)
    for columns in (90, 45, 140, 60, 100):
        terminal.resize(columns, 30)
        terminal.wait_for(partial(drawn_at, columns))
        assert terminal.screen.count("NAME") == 1
        assert terminal.screen.count("Total") == 1
    gate.open()
    assert terminal.wait_for_status() == 0


_ALL_COLUMNS: Final = "NAME PSS % GROW/s PEAK USS RSS TREND"


def drawn_at(columns: int, screen: str) -> bool:
    """Whether the table has the columns that belong to a width."""
    shown = {
        45: "NAME PSS GROW/s PEAK",
        60: "NAME PSS GROW/s PEAK USS",
        140: f"{_ALL_COLUMNS} COMMAND",
    }
    wanted = shown.get(columns, _ALL_COLUMNS).split()
    header = next((line for line in screen.splitlines() if "NAME" in line), "")
    # The last column is filled from the left.
    fits = header.endswith("COMMAND") or abs(len(header.rstrip()) - columns) <= 6
    return fits and titles_in(header)[1:] == wanted


def titles_in(header: str) -> list[str]:
    """Return the titles of the columns, without the unit of the sizes."""
    return re.sub(r"PSS \w+", "PSS", header).split()


def test_no_colour_where_the_user_wants_none(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    for number, before in enumerate(("", "NO_COLOR=1")):
        terminal = open_terminal()
        start_tree(terminal, tmp_path, 5, before=before)
        coloured = re.search(r"\x1b\[[\d;]*\b3[0-7]m", terminal.in_colour)
        assert bool(coloured) == (number == 0)
        gate.open()
        assert terminal.wait_for_status() == 0


@pytest.mark.parametrize(
    ("before", "on"), [("TERM=dumb", ""), ("TERM=", ""), ("", "--no-live"), ("", "--bytes")]
)
def test_plain_lines_where_no_table_is_wanted(
    open_terminal: OpenTerminal, before: str, on: str
) -> None:
    terminal = open_terminal()
    assert terminal.run(f"{before} memstat run -rv {on} -- sleep 0.3") == 0
    assert "NAME" not in terminal.screen
    size = r"\d+" if on == "--bytes" else r"~?\d+ kB"
    assert len(re.findall(rf"^\[\d+\] {size} \(sleep\)$", terminal.everything, re.MULTILINE)) > 2
    assert "Process exited with code 0\nPeak:\n" in terminal.screen


def test_without_utf_8_the_table_is_ascii(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal()
    screen = start_tree(terminal, tmp_path, 5, before="LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0")
    assert screen.isascii()
    assert "TREND" in screen
    gate.open()
    assert terminal.wait_for_status() == 0


def test_watching_without_detail_is_one_line_in_place(
    open_terminal: OpenTerminal, start: Callable[..., Target]
) -> None:
    target = start(*python("print('ready'); input()"))
    target.line()
    terminal = open_terminal()
    terminal.type(f"memstat get -w {target.pid}; echo status=$?.")
    one = r"^Total [\d. ]+ [KM]iB  peak [\d. ]+ [KM]iB at [\d.]+ s"
    screen = terminal.wait_for(lambda s: re.search(one, s, re.MULTILINE))
    first = screen
    terminal.wait_for(lambda s: s != first)
    assert len(terminal.everything.split("Total")) == 2
    target.send()
    assert terminal.wait_for_status() == 0
    assert re.search(r"^Peak: [\d.]+ [KM]iB at ", terminal.everything, re.MULTILINE)
    assert "Total" not in terminal.everything


def test_watching_with_detail_is_the_table(
    open_terminal: OpenTerminal, start: Callable[..., Target]
) -> None:
    target = start(*python("print('ready'); input()"))
    target.line()
    terminal = open_terminal()
    terminal.type(f"memstat get -rvw {target.pid}; echo status=$?.")
    screen = terminal.wait_for(lambda s: [row.pid for row in rows(s)] == [target.pid])
    assert total(screen).pss_bytes == pytest.approx(summed(screen), rel=0.01)
    terminal.press("C-c")
    assert terminal.wait_for_status() == 130
    assert terminal.cursor_is_visible
    assert "at the peak" in terminal.screen


@pytest.mark.calm("it counts the ticks that are kept")
def test_it_samples_as_often_as_asked_and_draws_ten_times_a_second(
    open_terminal: OpenTerminal, tmp_path: Path
) -> None:
    terminal = open_terminal()
    terminal.record(tmp_path / "bytes")
    assert terminal.run("memstat run -rv -f 100 -- sleep 2") == 0
    screen = terminal.screen
    samples = int(re.findall(r", (\d+) samples", screen)[-1])
    missed = int((re.findall(r"(\d+) ticks? missed", screen) or ["0"])[-1])
    assert 190 <= samples + missed <= 210
    assert samples > 100
    assert 5 <= len([*frames((tmp_path / "bytes").read_bytes())]) <= 23
