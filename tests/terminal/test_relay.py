"""Much output, strange output, and terminals that stop or go away, on a bare pseudo-terminal."""

from __future__ import annotations

import hashlib
import os
import re
import select
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.terminal.bare import BareTerminal, printed_pieces
from tests.terminal.programs import Gate
from tests.terminal.tmux import wait_until

MIB = 1 << 20

_BLOCKS = 100 * MIB // 42_000
_LINES = re.compile(rb"(?:[0-9a-f]{32} \d{4} \d{3}\r\n)+")
HASHED = f"""
import hashlib, sys
digest = hashlib.sha256()
lines = [
    b'%032x BLCK %03d\\n' % (number * 0x9e3779b97f4a7c15f39cc0605cedc835 % (1 << 128), number)
    for number in range(1000)
]
template = b''.join(lines)
for number in range({_BLOCKS}):
    text = template.replace(b'BLCK', b'%04d' % number)
    digest.update(text)
    sys.stdout.buffer.write(text)
sys.stdout.flush()
open(sys.argv[1], 'w').write(digest.hexdigest())
"""


def test_a_hundred_megabytes_come_through_whole_in_bounded_memory(tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    with BareTerminal("run", "-rv", "--", sys.executable, "-c", HASHED, str(sent)) as terminal:
        digest, count, peak_kib = hashlib.sha256(), 0, 0
        for text in printed_pieces(terminal):
            for lines in _LINES.findall(text):
                digest.update(lines.replace(b"\r\n", b"\n"))
                count += lines.count(b"\n")
            peak_kib = high_water_kib(terminal.process.pid) or peak_kib
        assert terminal.process.wait() == 0
    assert count == _BLOCKS * 1000
    assert digest.hexdigest() == sent.read_text()
    assert 10 << 10 < peak_kib < 100 << 10


def high_water_kib(pid: int) -> int | None:
    """Return the most RSS that a process has had; ``None`` when it has ended."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else None


def test_bytes_that_are_no_text_and_a_last_line_without_newline_come_through() -> None:
    with BareTerminal(
        "run", "-rv", "--", "printf", r"caf\351 \303\251\n\377\376\nwithout end"
    ) as terminal:
        text = b"".join(printed_pieces(terminal))
        assert terminal.process.wait() == 0
    assert text.startswith(b"caf\xe9 \xc3\xa9\r\n\xff\xfe\r\nwithout end\r\n")


PROMPTS = """
import sys, time
for number in range(6):
    open(sys.argv[1]).read()
    # At some moment of the tenth of a second between two looks at the terminal.
    time.sleep(number * 0.02)
    print('line', flush=True)
    # What comes soon after is held for a moment, to be shown together.
    time.sleep(0.01)
    print('\\x1b[2J\\x1b[Hcleared nothing')
    print(f'Name {number}? ', end='', flush=True)
    input()
"""


def test_what_is_printed_before_a_prompt_is_no_part_of_it(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    command = (sys.executable, "-c", PROMPTS, str(gate.path))
    with BareTerminal("run", "-rv", "--", *command) as terminal:
        shown = b""
        for number in range(6):
            # Not while the last prompt still has the terminal to itself.
            shown += terminal.read_until(b"NAME")
            gate.open()
            shown += terminal.read_until(b"Name %d? " % number)
            # Drawn ten times a second, the table has stepped aside once nothing comes.
            while select.select([terminal.own_fd], [], [], 0.3)[0]:
                shown += terminal.read() or b""
            os.write(terminal.own_fd, b"\n")
        shown += terminal.read_all()
        assert terminal.process.wait() == 0
    assert b"\x1b[2J" not in shown


def test_a_survivor_that_keeps_the_terminal_open_does_not_hold_memstat_up(tmp_path: Path) -> None:
    survivor = f"sleep 1000 & echo $! > {tmp_path / 'pid'}; sleep 0.3; echo printed"
    with BareTerminal("run", "-rv", "--", "sh", "-c", survivor) as terminal:
        text = terminal.read_until(b"1 descendant still running")
        assert terminal.process.wait(10) == 0
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert b"printed\r\n" in text


def test_a_terminal_that_goes_away_ends_a_command_that_prints(tmp_path: Path) -> None:
    terminal = BareTerminal("run", "-rv", "--", "sh", "-c", f"echo $$ > {tmp_path / 'pid'}; yes")
    with terminal:
        terminal.read_until(b"y\r\ny\r\n")
        terminal.hang_up()
        # The signal and the error of a write race, as they do on the terminal itself.
        assert terminal.process.wait(10) in (-signal.SIGHUP, 1)
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_command_that_ignores_the_hangup_finds_its_output_gone(tmp_path: Path) -> None:
    # Like nohup: the terminal's end shows in an error of write(2) alone.
    ignores = f"trap '' HUP; while echo y 2>/dev/null; do :; done; echo gone > {tmp_path / 'gone'}"
    with BareTerminal("run", "-rv", "--", "sh", "-c", ignores) as terminal:
        terminal.read_until(b"y\r\ny\r\n")
        terminal.hang_up()
        terminal.process.wait(20)
    assert (tmp_path / "gone").read_text() == "gone\n"


@pytest.mark.calm("it counts the ticks that are kept")
def test_a_terminal_that_is_not_read_delays_no_tick(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    waits = f"yes & yes=$!; sleep 2; kill $yes; true < {gate.path}"
    with BareTerminal("run", "-rv", "-f", "50", "--", "bash", "-c", waits) as terminal:
        terminal.read_until(b"y\r\n")
        # Nothing is read until the two seconds are over: opening the gate needs both.
        gate.open()
        text = terminal.read_all()
        assert terminal.process.wait() == 0
    (samples, missed) = re.findall(rb"after [\d.]+ s, (\d+) samples(?:, (\d+) ticks?)?", text)[-1]
    assert int(samples) + int(missed or 0) >= 100
    assert int(samples) > 50


def test_the_stream_of_the_report_may_be_full_or_closed() -> None:
    for redirect in ("2>/dev/full", "2>&-", ">/dev/full", ">&-", "<&-", ">&- 2>&- <&-"):
        line = f'exec "$0" run -rv -- sh -c "exit 3" {redirect}'
        with BareTerminal("sh", "-c", line, str(Path(sys.executable).with_name("memstat"))) as t:
            text = t.read_all()
            assert t.process.wait(20) == 3, redirect
        assert b"Traceback" not in text
        assert b"Exception" not in text


def test_a_watch_on_a_terminal_that_goes_away_ends_quietly(tmp_path: Path) -> None:
    with (tmp_path / "err").open("wb") as errors:
        terminal = BareTerminal("get", "-rvw", str(os.getpid()), stderr=errors.fileno())
        with terminal:
            terminal.read_until(b"NAME")
            terminal.hang_up()
            assert terminal.process.wait(10) == 128 + signal.SIGHUP
    assert (tmp_path / "err").read_text() == ""


@pytest.mark.calm("it measures how long")
def test_a_slow_terminal_delays_neither_ticks_nor_the_command(tmp_path: Path) -> None:
    done = tmp_path / "done"
    command = ("sh", "-c", f"sleep 2; touch {done}")
    with BareTerminal("run", "-rv", "-f", "20", "--", *command) as terminal:
        shown = terminal.read_until(b"NAME")
        while not done.exists():
            # 9600 baud.
            if select.select([terminal.own_fd], [], [], 0.1)[0]:
                shown += os.read(terminal.own_fd, 96)
                time.sleep(0.1)
        shown += terminal.read_all()
        assert terminal.process.wait() == 0
    end = re.search(rb"after ([\d.]+) s, (\d+) samples(?:, (\d+) ticks? missed)?", shown)
    assert end is not None
    assert 2 <= float(end[1]) < 2.5
    assert int(end[2]) > 30
    assert 40 <= int(end[2]) + int(end[3] or 0) <= 52
