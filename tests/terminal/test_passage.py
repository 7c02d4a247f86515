"""How a command's output is cut into lines and what passes whole."""

from __future__ import annotations

import pytest

from memstat.terminal.passage import LEAVE_ALTERNATE, Passage, Piece, moves_cursor

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


def test_lines_are_lines_and_the_unfinished_one_stands_beside_them() -> None:
    assert Passage().feed(b"a\x1b[2J\nb", occupied=False) == [Piece(b"a\n", b"b")]


@pytest.mark.parametrize("enter", [ENTER, b"\x1b[?47h", b"\x1b[?1047h", b"\x1b[?1;1049h"])
def test_from_the_alternate_screen_on_all_passes_as_it_is(enter: bytes) -> None:
    passage = Passage()
    begun = passage.feed(b"a\n" + enter + b"\x1b[2J\r", occupied=False)
    assert begun == [
        Piece(b"a\n"),
        Piece(enter + b"\x1b[2J\r", is_whole=True, is_on_alternate=True),
    ]
    assert passage.on_alternate
    assert passage.feed(b"\x1b[H", occupied=False) == [
        Piece(b"\x1b[H", is_whole=True, is_on_alternate=True)
    ]


def test_what_restores_the_terminal_after_the_alternate_screen_passes_too() -> None:
    passage = Passage()
    passage.feed(ENTER, occupied=False)
    left = LEAVE + b"\x1b[?1l\x1b>"
    assert passage.feed(left, occupied=False) == [Piece(left, is_whole=True, is_on_alternate=True)]
    assert passage.feed(b"\x1b[Hb\n", occupied=False) == [Piece(b"b\n")]


@pytest.mark.parametrize("cut", range(1, len(ENTER)))
def test_a_switch_may_be_cut_anywhere(cut: int) -> None:
    passage = Passage()
    pieces = passage.feed(b"a\n" + ENTER[:cut], occupied=False)
    pieces += passage.feed(ENTER[cut:] + b"x" + LEAVE[:cut], occupied=False)
    pieces += passage.feed(LEAVE[cut:], occupied=False)
    assert b"".join(p.text for p in pieces) == b"a\n" + ENTER + b"x" + LEAVE
    assert passage.feed(b"b\n", occupied=False) == [Piece(b"b\n")]


def test_a_terminal_that_is_the_command_s_gets_all_and_the_colour_of_the_line_before() -> None:
    passage = Passage()
    passage.feed(b"\x1b[31mred\x1b[", occupied=False)
    assert passage.feed(b"1m\x1b[A", occupied=True) == [
        Piece(b"\x1b[31m\x1b[1m\x1b[A", is_whole=True)
    ]
    # The line that was begun before is not repeated.
    assert passage.feed(b"end\n", occupied=False) == [Piece(b"end\n")]


def test_the_end_finishes_a_line_and_leaves_a_screen_whose_program_was_killed() -> None:
    passage = Passage()
    passage.feed(b"a", occupied=False)
    assert passage.finish() == [Piece(b"a\n")]
    passage.feed(ENTER, occupied=False)
    assert passage.finish() == [Piece(LEAVE_ALTERNATE, is_whole=True)]
    assert passage.finish() == []


def test_colours_do_not_move_the_cursor() -> None:
    assert [*map(moves_cursor, (b"\x1b[H", b"\x1b[3;4H", b"\x1b[2J", b"\x1b8"))] == [True] * 4
    assert [*map(moves_cursor, (b"a\r\n", b"\x1b[31m", b"\x1b[K", b"\x1b[?25l"))] == [False] * 4
