"""Prompts, pagers, editors and shells under a live table, on a real terminal."""

from __future__ import annotations

import os
import select
import shutil
import signal
from pathlib import Path

import pytest

from tests.terminal.conftest import OpenTerminal
from tests.terminal.programs import Gate
from tests.terminal.table import rows
from tests.terminal.test_job_control import modes
from tests.terminal.tmux import Tmux


def need(program: str) -> None:
    if shutil.which(program) is None:
        if "CI" in os.environ:
            pytest.fail(f"{program} is missing: CI must install it")
        pytest.skip(f"{program} is not installed")


def memstat_pid(terminal: Tmux) -> int:
    """Return the only child of the shell, once it has started it."""
    shell = terminal.format("#{pane_pid}")
    children = Path(f"/proc/{shell}/task/{shell}/children")
    terminal.wait_for(lambda _: len(children.read_text().split()) == 1)
    return int(children.read_text())


GETPASS = "import getpass; print('got', getpass.getpass('Name of it: ') + '.')"
PROMPTS = {
    "read": "printf 'Name of it: ' >/dev/tty; read x </dev/tty; echo got $x.",
    "getpass": f'python3 -c "{GETPASS}"',
    "stdin": "printf 'Name of it: '; read x; echo got $x.",
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
def test_a_prompt_stays_until_it_is_answered(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path, prompt: str
) -> None:
    terminal = open_terminal(80, 24)
    (tmp_path / "asks.sh").write_text(f"read x <gate; {prompt}; read x <gate; true")
    terminal.type("memstat run -rv -- sh asks.sh; echo status=$?.")
    terminal.wait_for(rows)
    gate.open()
    # The table has stepped aside, and the prompt is the last thing on the screen.
    terminal.wait_for(lambda s: s.rstrip().endswith("Name of it:"))
    terminal.command("send-keys", "-l", "word")
    if "getpass" not in prompt:
        terminal.wait_for("Name of it: word")
    terminal.press("Enter")
    terminal.wait_for(lambda s: "got word." in s and rows(s))
    gate.open()
    assert terminal.wait_for_status() == 0
    assert terminal.everything.count("Name of it:") == 1
    assert terminal.everything.count("NAME") == 1


def test_what_cat_reads_is_seen_while_it_is_typed(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal(80, 24)
    terminal.type("memstat run -rv -- cat; echo status=$?.")
    terminal.wait_for(lambda _: Path(f"/proc/{memstat_pid(terminal)}").exists())
    for line in ("one", "two"):
        terminal.command("send-keys", "-l", line)
        terminal.wait_for(lambda s, line=line: s.rstrip().endswith(line))  # type: ignore[misc]
        terminal.press("Enter")
        terminal.wait_for(f"{line}\n{line}\n")
    terminal.press("C-d")
    assert terminal.wait_for_status() == 0
    assert "one\none\ntwo\ntwo\n" in terminal.everything


def is_redrawn(program: str, screen: str, rows: int) -> bool:
    """Whether the last lines of a screen that was resized are what the program has there."""
    lines = screen.splitlines()
    last = {"vim": "line 300", "less": ":", "htop": "F1Help"}[program]
    return any(line.startswith((last, "(END)")) for line in lines[rows - 3 :]) and not lines[rows:]


FULL_SCREEN = {
    "vim": ("vim -u NONE -N lines", (":$", "Enter"), "line 300", (":q!", "Enter")),
    "less": ("less lines", ("G",), "line 300", ("q",)),
    "htop": ("htop", (), "F10Quit", ("F10",)),
}


@pytest.mark.parametrize("program", FULL_SCREEN)
def test_a_program_that_takes_the_screen_has_it(
    open_terminal: OpenTerminal, tmp_path: Path, program: str
) -> None:
    need(program)
    command, keys, last, quits = FULL_SCREEN[program]
    (tmp_path / "lines").write_text("".join(f"line {n}\n" for n in range(1, 301)))
    terminal = open_terminal(80, 24)
    before = modes(terminal, tmp_path)
    terminal.type(f"memstat run -rv -- {command}; echo status=$?.")
    terminal.wait_for(lambda s: terminal.format("#{alternate_on}") == "1" and s.strip())
    if keys:
        terminal.wait_for("line 20")
        terminal.press(*keys)
    screen = terminal.wait_for(last)
    assert "NAME" not in screen
    terminal.resize(70, 20)
    terminal.wait_for(lambda s: is_redrawn(program, s, 20))
    terminal.resize(80, 24)
    if program == "less":
        # A key that comes together with SIGWINCH is lost to it, without memstat too.
        terminal.wait_for(lambda s: is_redrawn(program, s, 24))
    terminal.press(*quits)
    assert terminal.wait_for_status(2) == 0
    assert terminal.format("#{alternate_on}") == "0"
    assert "Exited with code 0" in terminal.screen
    assert terminal.everything.count("NAME") == 1
    assert terminal.cursor_is_visible
    assert modes(terminal, tmp_path) == before


JOB = """
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGCONT, lambda *_: print('again', flush=True))
print('began', flush=True)
while True:
    signal.pause()
"""


def test_a_shell_in_the_shell_controls_its_jobs(
    open_terminal: OpenTerminal, tmp_path: Path
) -> None:
    (tmp_path / "job.py").write_text(JOB)
    terminal = open_terminal(80, 24)
    terminal.type("memstat run -rv -- bash --norc --noprofile -i; echo status=$?.")
    terminal.wait_for(lambda s: s.rstrip().endswith("\n$"))
    # Until it prints, the keys would be the shell's.
    terminal.type("python3 job.py")
    terminal.wait_for("\nbegan\n")
    terminal.press("C-z")
    terminal.wait_for("Stopped                 python3 job.py")
    terminal.type("fg")
    terminal.wait_for("$ fg\npython3 job.py\nagain\n")
    terminal.press("C-c")
    terminal.wait_for(lambda s: s.rstrip().endswith("\n$"))
    terminal.type("exit 3")
    assert terminal.wait_for_status() == 3
    assert "Exited with code 3" in terminal.screen
    assert "job control" not in terminal.everything


def test_raw_mode_makes_no_staircase(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal(80, 24)
    (tmp_path / "raw.sh").write_text("stty raw -echo; seq 3; read x <gate; stty sane; echo sane")
    terminal.type("memstat run -rv -- sh raw.sh; echo status=$?.")
    screen = terminal.wait_for(lambda s: "\n3\n" in s and len(rows(s)) == 1)
    assert "\n1\n2\n3\n" in screen
    gate.open()
    assert terminal.wait_for_status() == 0
    assert "\nsane\n" in terminal.everything


@pytest.mark.parametrize("command", ["sleep 1000", "sh -c 'while echo y; do sleep 0.1; done'"])
def test_a_memstat_that_is_killed_leaves_the_terminal_usable(
    open_terminal: OpenTerminal, tmp_path: Path, command: str
) -> None:
    terminal = open_terminal(80, 24)
    before = modes(terminal, tmp_path)
    terminal.type(f"memstat run -rv -- {command}")
    pid = rows(terminal.wait_for(rows))[0].pid
    pidfd = os.pidfd_open(pid)
    os.kill(memstat_pid(terminal), signal.SIGKILL)
    terminal.wait_for("Killed")
    # What was drawn stands there still.
    terminal.type("clear; echo usable")
    terminal.wait_for(lambda s: s.startswith("usable"))
    assert terminal.cursor_is_visible
    assert terminal.format("#{wrap_flag}") == "1"
    assert modes(terminal, tmp_path) == before
    # The command gets no signal; what it prints fails, as after the end of a reader of a pipe.
    if "sleep 1000" in command:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    # It has ended, whenever its new parent waits for it.
    assert select.select([pidfd], [], [], 30)[0]
    os.close(pidfd)


@pytest.mark.parametrize("term", ["unknown", "no-such-terminal"])
def test_a_terminal_that_is_not_known_gets_lines(
    open_terminal: OpenTerminal, tmp_path: Path, term: str
) -> None:
    terminal = open_terminal(80, 24)
    terminal.record(tmp_path / "bytes")
    assert terminal.run(f"TERM={term} memstat run -rv -- sleep 0.3") == 0
    assert "Total:" in terminal.everything
    assert "NAME" not in terminal.everything
    assert "\x1b[?7l" not in (tmp_path / "bytes").read_text()


def test_a_program_that_prints_to_the_terminal_itself_is_not_overwritten(
    open_terminal: OpenTerminal, gate: Gate, tmp_path: Path
) -> None:
    terminal = open_terminal(80, 24)
    (tmp_path / "direct.sh").write_text("printf direct >/dev/tty; read x <gate; true")
    terminal.type("memstat run -rv -- sh direct.sh; echo status=$?.")
    terminal.wait_for(lambda s: ("direct" in s) and rows(s))
    gate.open()
    assert terminal.wait_for_status() == 0
    assert "direct" in terminal.everything
