"""The keys of ``get -w`` on a real terminal, and the mode in which it is left."""

from __future__ import annotations

import os
import re
import signal
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.targets import Target, python
from tests.terminal.bare import BareTerminal
from tests.terminal.conftest import OpenTerminal
from tests.terminal.programs import TREE, WAIT
from tests.terminal.table import rows, size_bytes, total
from tests.terminal.test_interactive import memstat_pid
from tests.terminal.test_job_control import modes
from tests.terminal.tmux import Tmux, wait_until

MIB = 1 << 20
FAMILY = (*python(TREE.replace(WAIT, "print('ready')\ninput()")), "-", "10", "30", "20")
"""A parent of three children that hold so many MiB each."""
HOLDER = python("""
held = bytearray(60 << 20)
print('ready')
input()
del held
print('released')
input()
""")

Start = Callable[..., Target]


def watch(terminal: Tmux, start: Start, command: tuple[str, ...], count: int) -> Target:
    """Watch a program of so many processes, started outside of the terminal."""
    target = start(*command)
    target.line()
    terminal.type(f"memstat get -rvw {target.pid}; echo status=$?.")
    terminal.wait_for(lambda s: len(rows(s)) == count and "? keys" in s)
    return target


def order(screen: str) -> list[int]:
    """Return the sizes of the processes on the screen, in tens of MiB."""
    return [round(size_bytes(row.pss) / (10 * MIB)) for row in rows(screen)]


def test_keys_change_the_table(open_terminal: OpenTerminal, start: Start) -> None:
    terminal = open_terminal(100, 24)
    watch(terminal, start, FAMILY, 4)
    assert order(terminal.screen) == [0, 1, 3, 2]
    terminal.press("s")
    terminal.wait_for(lambda s: order(s) == [3, 2, 1, 0] and "by PSS" in s)
    terminal.press("t")
    screen = terminal.wait_for(lambda s: order(s) == [0, 3, 2, 1])
    assert [row.depth for row in rows(screen)] == [0, 1, 1, 1]
    command_line = rows(screen)[0].name
    terminal.press("c")
    name = rows(terminal.wait_for(lambda s: rows(s)[0].name != command_line))[0].name
    assert command_line.startswith(name)
    terminal.press("f")
    terminal.wait_for(lambda s: re.search(r"^ +python\S* x 4 ", s, re.MULTILINE))
    terminal.press("?")
    terminal.wait_for("command lines\n")
    terminal.press("Escape")
    terminal.wait_for("NAME")
    terminal.press("q")
    assert terminal.wait_for_status() == 0
    assert re.search(r"^Peak: [\d.]+ MiB", terminal.screen, re.MULTILINE)
    # What was asked for stays, but for what belongs to keys.
    assert re.search(r"^ +python\S* x 4 ", terminal.screen, re.MULTILINE)
    assert "? keys" not in terminal.screen
    assert terminal.everything.count("NAME") == 1


def test_a_filter_is_typed_and_a_lone_escape_clears_it(
    open_terminal: OpenTerminal, start: Start
) -> None:
    terminal = open_terminal(100, 24)
    watch(terminal, start, FAMILY, 4)
    # These letters are keys elsewhere.
    terminal.command("send-keys", "-l", "/qsf")
    terminal.wait_for(lambda s: "filter: qsf_" in s and "4 others" in s)
    terminal.press("BSpace", "C-u")
    terminal.command("send-keys", "-l", "PYTHON")
    terminal.press("Enter")
    terminal.wait_for(lambda s: "filter: PYTHON  " in s and len(rows(s)) == 4)
    terminal.press("Escape")
    terminal.wait_for(lambda s: "filter" not in s)
    terminal.press("q")
    assert terminal.wait_for_status() == 0


def test_arrows_and_pages_scroll(open_terminal: OpenTerminal, start: Start) -> None:
    terminal = open_terminal(100, 7)
    watch(terminal, start, FAMILY, 2)
    terminal.press("s")
    for key, sizes in (("Down", [2, 1]), ("Up", [3, 2]), ("NPage", [2, 1]), ("End", [1, 0])):
        terminal.press(key)
        terminal.wait_for(lambda s, sizes=sizes: order(s) == sizes)  # type: ignore[misc]
    terminal.press("Home")
    terminal.wait_for(lambda s: order(s) == [3, 2])
    terminal.press("C-c")
    assert terminal.wait_for_status() == 130


def samples(screen: str) -> int:
    return int(re.findall(r"(\d+) samples", screen)[-1])


@pytest.mark.parametrize("key", ["p", "Space"])
def test_a_pause_holds_the_table_and_not_the_sampling(
    open_terminal: OpenTerminal, start: Start, key: str
) -> None:
    terminal = open_terminal(100, 24)
    watch(terminal, start, FAMILY, 4)
    terminal.press(key)
    held = samples(terminal.wait_for("paused  "))
    # Keys are still heeded, by the table as it is held.
    terminal.press("s")
    screen = terminal.wait_for("by PSS")
    assert samples(screen) == held
    terminal.press("m")
    at_s = re.search(r"mark 1 at ([\d.]+) s", terminal.wait_for("memstat: mark 1"))
    assert at_s is not None
    assert samples(terminal.screen) == held
    # There is no table of then with the peak since a reset: it is one of now that is held.
    terminal.press("r")
    screen = terminal.wait_for(lambda s: "peak reset at" in s and samples(s) > held)
    assert "paused" in screen
    held = samples(screen)
    terminal.press(key)
    screen = terminal.wait_for(lambda s: "paused" not in s and samples(s) > held)
    # Ten a second, and none was left out.
    assert samples(screen) + missed(screen) >= int(10 * float(at_s[1]))
    terminal.press("q")
    assert terminal.wait_for_status() == 0


def missed(screen: str) -> int:
    return int((re.findall(r"(\d+) missed", screen) or ["0"])[-1])


def test_marks_and_a_reset_of_the_peak(open_terminal: OpenTerminal, start: Start) -> None:
    terminal = open_terminal(100, 24)
    target = watch(terminal, start, HOLDER, 1)
    assert total(terminal.screen).peak_bytes > 60 * MIB
    terminal.press("m")
    terminal.wait_for(lambda s: re.search(r"memstat: mark 1 at .*peak [67]\d.* since the start", s))
    target.send()
    assert target.line() == "released"
    terminal.wait_for(lambda s: total(s).pss_bytes < 20 * MIB)
    terminal.press("r")
    # The note is on the screen before the table below it is drawn anew.
    screen = terminal.wait_for(
        lambda s: (
            "peak reset at" in s
            and "peak" in s[s.index("Total") :]
            and total(s).peak_bytes < 20 * MIB
        )
    )
    assert re.search(r"memstat: peak reset at [\d.]+ s: it was [67][\d.]+ MiB at", screen)
    terminal.press("m")
    terminal.wait_for(lambda s: re.search(r"memstat: mark 2 at .* since mark 1$", s, re.MULTILINE))
    terminal.press("q")
    assert terminal.wait_for_status() == 0
    # The table that stays and the summary are about the peak since the reset.
    assert total(terminal.screen).pss_bytes < 20 * MIB
    peak = re.search(r"^Peak: ([\d.]+) MiB", terminal.screen, re.MULTILINE)
    assert peak is not None
    assert float(peak[1]) < 20


def test_ctrl_z_gives_the_mode_back_and_fg_takes_it_again(
    open_terminal: OpenTerminal, start: Start, tmp_path: Path
) -> None:
    terminal = open_terminal(100, 24)
    before = modes(terminal, tmp_path)
    watch(terminal, start, FAMILY, 4)
    for stop in ("C-z", "SIGSTOP"):
        if stop == "C-z":
            terminal.press(stop)
        else:
            os.kill(memstat_pid(terminal), signal.SIGSTOP)
        terminal.wait_for("Stopped")
        # The shell sets its own mode for a job that was stopped by another.
        assert stop == "SIGSTOP" or modes(terminal, tmp_path) == before
        terminal.type("clear; fg")
        terminal.wait_for(lambda s: len(rows(s)) == 4 and s.count("NAME") == 1)
        terminal.press("s")
        terminal.wait_for("by P" if stop == "C-z" else "by peak")
    terminal.press("q")
    terminal.wait_for(lambda s: "Peak: " in s and s.rstrip().endswith("$"))
    assert modes(terminal, tmp_path) == before


def test_in_the_background_the_shell_has_the_keys(
    open_terminal: OpenTerminal, start: Start, tmp_path: Path
) -> None:
    terminal = open_terminal(100, 24)
    before = modes(terminal, tmp_path)
    target = start(*FAMILY)
    target.line()
    terminal.type(f"memstat get -rvw {target.pid} &")
    assert terminal.run("echo q s t") == 0
    assert modes(terminal, tmp_path) == before
    assert "NAME" not in terminal.screen
    terminal.type("clear; fg")
    terminal.wait_for(lambda s: len(rows(s)) == 4)
    terminal.press("s")
    terminal.wait_for("by PSS")
    terminal.press("q")
    terminal.wait_for(lambda s: "Peak: " in s and s.rstrip().endswith("$"))
    assert modes(terminal, tmp_path) == before


def test_where_input_is_elsewhere_no_key_is_read(open_terminal: OpenTerminal, start: Start) -> None:
    terminal = open_terminal(100, 24)
    target = start(*FAMILY)
    target.line()
    terminal.type(f"memstat get -rvw {target.pid} </dev/null")
    terminal.wait_for(lambda s: len(rows(s)) == 4)
    assert "? keys" not in terminal.screen
    terminal.press("q", "Enter")
    target.send()
    terminal.wait_for("Peak: ")
    # The shell reads it then.
    terminal.wait_for("q: command not found")


def test_with_run_the_keys_are_the_command_s(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(100, 24)
    terminal.type("memstat run -rv -- sh -c 'sleep 1; read x; echo got $x.'; echo status=$?.")
    terminal.wait_for(rows)
    assert "? keys" not in terminal.screen
    terminal.type("qsq")
    terminal.wait_for("got qsq.")
    assert terminal.wait_for_status() == 0


def is_by_key(terminal: BareTerminal) -> bool:
    local = termios.tcgetattr(terminal.own_fd)[3]
    return not local & (termios.ICANON | termios.ECHO)


def test_the_mode_is_restored_before_a_second_ctrl_c_ends_a_watch_that_cannot_write(
    start: Start,
) -> None:
    target = start(*FAMILY)
    target.line()
    with BareTerminal("get", "-rvw", str(target.pid)) as terminal:
        terminal.read_until(b"Total")
        assert is_by_key(terminal)
        # Ctrl+S: from now on the terminal takes nothing.
        os.write(terminal.own_fd, b"\x13")
        terminal.process.send_signal(signal.SIGINT)
        wait_until(lambda: not is_by_key(terminal))
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(30) == -signal.SIGINT


def test_a_watch_that_ends_by_itself_restores_the_mode(start: Start) -> None:
    target = start(*FAMILY)
    target.line()
    with BareTerminal("get", "-rvw", str(target.pid)) as terminal:
        before = termios.tcgetattr(terminal.own_fd)
        terminal.read_until(b"Total")
        target.send()
        terminal.read_until(b"Peak: ")
        assert termios.tcgetattr(terminal.own_fd)[3] & termios.ECHO
        assert before[0:3] == termios.tcgetattr(terminal.own_fd)[0:3]
