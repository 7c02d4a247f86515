"""The command's output beside the table, on a real terminal."""

from __future__ import annotations

import re
from pathlib import Path

from tests.terminal.conftest import OpenTerminal
from tests.terminal.programs import Gate, script
from tests.terminal.table import rows


def test_output_scrolls_above_the_table_in_order_and_in_colour(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal()
    reds = r"printf '\033[31mred %s\033[0m\n' $(seq 100)"
    (tmp_path / "prints.sh").write_text(f"{reds}; echo errors >&2; read x <gate; echo last")
    terminal.type("memstat run -rv -- sh prints.sh")
    screen = terminal.wait_for(lambda s: "errors" in s and rows(s))
    assert screen.index("red 100") < screen.index("errors") < screen.index("NAME")
    # tmux prints a colour where it changes.
    assert "\x1b[31mred" in terminal.in_colour
    gate.open()
    terminal.wait_for("Exited with code 0")
    everything = terminal.everything
    assert re.findall(r"^red (\d+)$", everything, re.MULTILINE) == [str(n) for n in range(1, 101)]
    assert everything.index("errors") < everything.index("\nlast") < everything.index("NAME")
    assert everything.count("NAME") == 1


PROGRESS = """
import sys
for percent in range(0, 101, 20):
    print(f'{percent} %', end='\\\\r', flush=True)
print('done   ')
print('\\x1b[2J\\x1b[Hcleared nothing')
print('Name? ', end='', flush=True)
answer = input()
print(f'hello {answer}')
"""


def test_a_carriage_return_keeps_the_last_state_and_a_prompt_has_the_terminal_to_itself(
    open_terminal: OpenTerminal, tmp_path: Path
) -> None:
    terminal = open_terminal()
    program = script(tmp_path, "progress.py", PROGRESS.replace("\\\\", "\\"))
    terminal.type(f"memstat run -rv -- {program}")
    screen = terminal.wait_for(lambda s: s.rstrip().endswith("Name?"))
    lines = [line.strip() for line in screen.splitlines()]
    at = lines.index("Name?")
    assert lines[at - 2 : at] == ["done", "cleared nothing"]
    assert "%" not in "".join(lines[1:])
    # Standard input is the real terminal: what is typed reaches the command, and is seen.
    terminal.type("world")
    terminal.wait_for("Exited with code 0")
    assert re.search(r"^Name\? world\nhello world$", terminal.everything, re.MULTILINE)


SEES = """
import os, shutil, signal, sys
print('terminals', *(os.isatty(fd) for fd in (0, 1, 2)))
size = lambda: ' '.join(map(str, os.get_terminal_size(1)))
print('size', size(), flush=True)
wake, wakes = os.pipe()
os.set_blocking(wakes, False)
signal.signal(signal.SIGWINCH, lambda *_: None)
signal.set_wakeup_fd(wakes)
while size() != '90 20':
    os.read(wake, 1)
print('resized to', size())
os.system('stty size <&1; stty size <&2; stty size')
"""


def test_the_command_sees_a_terminal_of_the_right_size_and_gets_sigwinch_when_it_changes(
    open_terminal: OpenTerminal, tmp_path: Path
) -> None:
    terminal = open_terminal(columns=110, rows=25)
    terminal.type(f"memstat run -rv -- {script(tmp_path, 'sees.py', SEES)}")
    terminal.wait_for("size 110 25")
    assert "terminals True True True" in terminal.screen
    terminal.resize(90, 20)
    terminal.wait_for("Exited with code 0")
    assert "resized to 90 20\n20 90\n20 90\n20 90\n" in terminal.everything


def test_streams_that_go_elsewhere_are_left_alone(
    open_terminal: OpenTerminal, tmp_path: Path
) -> None:
    terminal = open_terminal()
    sees = "python3 -c 'import os; print(os.isatty(1), os.isatty(2))'"
    assert terminal.run(f"memstat run -rv -- {sees} > out") == 0
    assert (tmp_path / "out").read_text() == "False True\n"
    assert terminal.run("memstat run -rv -O out2 -E err -- sh -c 'echo a; echo b >&2'") == 0
    assert ((tmp_path / "out2").read_text(), (tmp_path / "err").read_text()) == ("a\n", "b\n")


def test_without_detail_nothing_is_drawn_and_the_end_is_a_summary(
    open_terminal: OpenTerminal, tmp_path: Path
) -> None:
    terminal = open_terminal()
    terminal.record(tmp_path / "bytes")
    assert terminal.run("memstat run -r -- sh -c 'tty; sleep 0.5'") == 0
    assert terminal.format("#{pane_tty}") in terminal.screen
    raw = (tmp_path / "bytes").read_text()
    assert "\x1b[?25l" not in raw
    # Which of them is the largest depends on the moment.
    summary = r"Peak: [\d.]+ [KM]iB at [\d.]+ s\n  (sh|tty|sleep) \[\d+\] .*\nExited with code 0"
    assert re.search(summary, raw)
    assert terminal.run("memstat run -r --no-peak -- true") == 0
    assert terminal.everything.count("Exited") == 1
