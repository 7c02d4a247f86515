"""Ctrl+C, Ctrl+Z and signals at a terminal, and the state in which it is left."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.terminal.conftest import OpenTerminal
from tests.terminal.programs import Gate, script
from tests.terminal.table import rows
from tests.terminal.tmux import Tmux, wait_until

SLEEP = "memstat run -rv -- sleep 1000"


def shows_one(screen: str) -> bool:
    return len(rows(screen)) == 1


def prints(line: str, screen: str) -> bool:
    """Whether such a line is there, and not only typed."""
    return re.search(f"^{line}$", screen, re.MULTILINE) is not None


def modes(terminal: Tmux, directory: Path) -> str:
    """Return the modes of the terminal, without its size."""
    assert terminal.run("stty -g > modes") == 0
    return (directory / "modes").read_text()


ENDS = {
    "exit": ("memstat run -rv -- sleep 0.5", None, 0),
    "error": ("memstat run -rv -- sh -c 'sleep 0.5; exit 3'", None, 3),
    "not found": ("memstat run -rv -- no-such-command", None, 127),
    "SIGTERM": (SLEEP, signal.SIGTERM, 143),
    "SIGHUP": (SLEEP, signal.SIGHUP, 129),
    "SIGINT": (SLEEP, "C-c", 130),
    "SIGQUIT": (SLEEP, "C-\\", 131),
    "watching": ("memstat get -rvw $$", "C-c", 130),
    "watching is quit": ("memstat get -rvw $$", "q", 0),
    "watching one line is quit": ("memstat get -w $$", "q", 0),
    "watching ends by SIGTERM": ("memstat get -rvw $$", signal.SIGTERM, 143),
}


@pytest.mark.parametrize(("command", "by", "status"), ENDS.values(), ids=ENDS.keys())
def test_the_terminal_is_left_as_it_was(
    open_terminal: OpenTerminal,
    tmp_path: Path,
    command: str,
    by: str | signal.Signals | None,
    status: int,
) -> None:
    terminal = open_terminal()
    terminal.type("ulimit -c 0")
    before = modes(terminal, tmp_path)
    terminal.type(f"{command}; echo status=$?.")
    if by is not None:
        terminal.wait_for("Total")
        if isinstance(by, str):
            terminal.press(by)
        else:
            send_to_memstat(terminal, by)
    # Where Ctrl+C killed the command, an interactive shell drops the rest of the line.
    terminal.wait_for(
        lambda s: "memstat" in s and re.search(r"\$ *\n*$", s.rpartition("memstat")[2])
    )
    if "status=" not in terminal.everything.rpartition("status=$?.")[2]:
        terminal.type("echo status=$?.")
    assert terminal.wait_for_status(2) == status
    assert terminal.cursor_is_visible
    assert modes(terminal, tmp_path) == before
    assert terminal.format("#{wrap_flag}") == "1"


def send_to_memstat(terminal: Tmux, signum: signal.Signals) -> None:
    """Signal the only child of the shell and no other process, as ``kill PID`` does."""
    shell = terminal.format("#{pane_pid}")
    (memstat,) = map(int, Path(f"/proc/{shell}/task/{shell}/children").read_text().split())
    os.kill(memstat, signum)


def test_a_command_that_ignores_ctrl_c_goes_on(open_terminal: OpenTerminal, gate: Gate) -> None:
    terminal = open_terminal()
    terminal.type(
        # An open that the signal interrupts fails; whether it has begun by then, no test can see.
        "memstat run -rv -- sh -c"
        " 'trap \"echo not now\" INT; echo trapped; until true <gate; do :; done 2>/dev/null'"
    )
    # The table may be there before the shell has come to its trap.
    terminal.wait_for(lambda screen: shows_one(screen) and prints("trapped", screen))
    terminal.press("C-c")
    terminal.wait_for(lambda screen: prints("(\\^C)?not now", screen))
    assert shows_one(terminal.wait_for(shows_one))
    gate.open()
    terminal.wait_for("Exited with code")


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(
    open_terminal: OpenTerminal, gate: Gate
) -> None:
    terminal = open_terminal()
    terminal.type("memstat run -rv -- sh -c 'read x <gate; echo the end'")
    terminal.wait_for(shows_one)
    for _ in range(2):
        terminal.press("C-z")
        terminal.wait_for("Stopped")
        assert terminal.run("echo between") == 0
        assert terminal.cursor_is_visible
        assert "NAME" not in terminal.screen
        terminal.type("clear")
        terminal.type("fg")
        terminal.wait_for(shows_one)
    gate.open()
    terminal.wait_for("Exited with code 0")
    assert "the end" in terminal.everything
    assert terminal.cursor_is_visible
    assert terminal.everything.count("NAME") == 1


def test_in_the_background_nothing_is_drawn(open_terminal: OpenTerminal, gate: Gate) -> None:
    terminal = open_terminal()
    terminal.type("memstat run -rv -- sh -c 'read x <gate; echo from behind; read x <gate; true'")
    terminal.wait_for(shows_one)
    terminal.press("C-z")
    terminal.wait_for("Stopped")
    terminal.type("bg")
    gate.open()
    terminal.wait_for(" &\n$ from behind")
    assert terminal.run("echo between") == 0
    assert "NAME" not in terminal.screen, terminal.screen
    assert terminal.cursor_is_visible
    terminal.type("fg")
    terminal.wait_for(shows_one)
    gate.open()
    terminal.wait_for("Exited with code 0")
    assert terminal.everything.count("NAME") == 1


RECORDING = """
import os, signal, subprocess, sys
# A shell's handler, not ignored: the command must have the default.
for signum in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(signum, lambda *_: None)
done = subprocess.run(sys.argv[2:])
with open(sys.argv[1] + '.part', 'w') as file:
    file.write(str(done.returncode))
os.rename(sys.argv[1] + '.part', sys.argv[1])
"""


@pytest.mark.parametrize("prints", [False, True])
def test_a_terminal_that_goes_away_ends_the_command_and_leaves_no_process(
    open_terminal: OpenTerminal, tmp_path: Path, *, prints: bool
) -> None:
    terminal = open_terminal()
    wrapper = script(tmp_path, "record.py", RECORDING)
    command = "yes" if prints else "sleep 1000"
    terminal.type(f"{wrapper} status memstat run -rv -- {command}")
    pid = rows(terminal.wait_for(shows_one))[0].pid
    assert Path(f"/proc/{pid}").exists()
    terminal.command("kill-pane")
    wait_until((tmp_path / "status").exists)
    # A program that prints may find the terminal gone before the signal: an error of write(2).
    expected = {-signal.SIGHUP, 1} if prints else {-signal.SIGHUP}
    assert int((tmp_path / "status").read_text()) in expected
    assert not Path(f"/proc/{pid}").exists()
