"""What a frame writes: lines that have changed, and all of them where another program wrote."""

from __future__ import annotations

import os
import re
from typing import TextIO

import pytest

from memstat.report.board import Board, View
from memstat.sampling.tally import Tally
from memstat.terminal.display import LiveDisplay
from memstat.terminal.modes import Modes
from memstat.terminal.occupancy import Look
from memstat.testing import snapshot_of
from tests.terminal.bare import BareTerminal
from tests.terminal.conftest import OpenTerminal
from tests.terminal.programs import Gate
from tests.terminal.recording import frames
from tests.terminal.table import rows

MIB = 1 << 20


END = b"\0"
"""No frame has it."""


def view_of(*sizes_mib: int) -> View:
    board, tally = Board(), Tally(0.1)
    snapshot = snapshot_of({100 + at: size * MIB for at, size in enumerate(sizes_mib)})
    tally.observe(snapshot)
    board.take(snapshot)
    view = board.view(tally)
    assert view is not None
    return view


def written(terminal: tuple[TextIO, int]) -> bytes:
    """Return what was written since the last call: a terminal hands it on some time later."""
    stream, near = terminal
    os.write(stream.fileno(), END)
    data = b""
    while not data.endswith(END):
        data += os.read(near, 1 << 16)
    return data.removesuffix(END)


def test_a_frame_that_is_as_the_last_one_writes_nothing(terminal: tuple[TextIO, int]) -> None:
    stream, _ = terminal
    display = LiveDisplay(stream)
    display.draw(view_of(1, 2, 3))
    assert written(terminal).count(b"\x1b[K") > 3
    display.draw(view_of(1, 2, 3))
    assert written(terminal) == b""
    display.draw(view_of(1, 2, 4))
    # A row, its share and those of the others, and the total.
    changed = written(terminal)
    assert b"NAME" not in changed
    assert b"102 " in changed


def test_a_line_that_is_not_finished_leaves_the_table_alone(terminal: tuple[TextIO, int]) -> None:
    stream, _ = terminal
    display = LiveDisplay(stream)
    display.draw(view_of(1))
    display.output(b"begun")
    assert b"NAME" in written(terminal)
    display.output(b"\r10 %")
    assert written(terminal) == b"\r\x1b[K10 %"
    display.output(b" and more\n")
    assert b" and more\r\n" in (after := written(terminal))
    assert b"NAME" in after


@pytest.mark.parametrize("look", [Look(Modes(), typed_bytes=1), Look(Modes(), is_shared=True)])
def test_where_the_cursor_may_have_moved_all_lines_are_written(
    terminal: tuple[TextIO, int], look: Look
) -> None:
    stream, _ = terminal
    display = LiveDisplay(stream)
    display.take_look(Look(Modes()))
    display.draw(view_of(1))
    written(terminal)
    display.take_look(look)
    display.draw(view_of(1))
    assert b"NAME" in written(terminal)


def test_nothing_but_changed_lines_is_written() -> None:
    with BareTerminal("run", "-rv", "-f", "50", "--", "sleep", "1.5") as terminal:
        drawn = [*frames(terminal.read_all())]
    tables = [frame for frame in drawn if "NAME" in frame.text]
    first, *others = tables
    assert len(first.written) == len(first.lines)
    # Each frame has another time in its last line; the titles are written once.
    assert len(others) > 5
    for frame in others:
        assert 1 not in frame.written
        for row, line in frame.written.items():
            assert line != frame.before.get(row)
    assert sum(len(frame.written) for frame in others) < 3 * len(others)


def test_a_line_typed_to_the_terminal_does_not_break_the_table(
    open_terminal: OpenTerminal, gate: Gate
) -> None:
    terminal = open_terminal(80, 24)
    terminal.type("memstat run -rv -- sh -c 'read x <gate; true'; echo status=$?.")
    terminal.wait_for(lambda s: len(rows(s)) == 1)
    for line in ("one", "two"):
        terminal.command("send-keys", "-l", line)
        terminal.press("Enter")
        # The cursor is on a line of its own again, from which the old titles are erased.
        below = re.compile(rf"^{line}\n\n +PID NAME", re.MULTILINE)
        screen = terminal.wait_for(below.search)
        assert screen.count("NAME") == 1
        assert len(rows(screen)) == 1
    gate.open()
    terminal.wait_for("Exited with code 0")


NOISE = "n=0; while echo noise $n; do n=$((n + 1)); sleep 0.2; done"


def test_a_job_that_prints_to_the_terminal_does_not_break_the_table(
    open_terminal: OpenTerminal,
) -> None:
    terminal = open_terminal(80, 24)
    terminal.type(f"sh -c '{NOISE}' & memstat get -rvw $!; echo status=$?.")
    terminal.wait_for("noise 12")
    for number in range(13, 23):
        terminal.wait_for(f"noise {number}")
        screen = terminal.wait_for(lambda s: s.count("NAME") == 1 and s.count("Total") == 1)
        assert 0 < len(rows(screen)) <= 3
        assert re.search(rf"^noise {number}$", screen, re.MULTILINE)
    terminal.press("C-c")
    assert terminal.wait_for_status() == 130
    terminal.type("kill %1")
