"""What is written to a terminal, byte for byte."""

from __future__ import annotations

from memstat.terminal.frame import at_once, fresh_line, table_below

NO_WRAP, WRAP, HIDE, SHOW = b"\x1b[?7l", b"\x1b[?7h", b"\x1b[?25l", b"\x1b[?25h"


BEGIN, END = b"\x1b[?7l", b"\x1b8\x1b[?7h"


def test_a_table_is_drawn_below_the_cursor_which_returns() -> None:
    assert table_below([b"a", b"b"]) == [
        BEGIN + b"\x1bD\x1bD\x1b[2A\x1b7\x1b[m\x1b[1E\x1b[Ka\x1b[1E\x1b[Jb" + END
    ]
    assert table_below([]) == []


def test_of_a_table_that_is_shown_only_lines_that_differ_are_drawn() -> None:
    shown = [b"a", b"b", b"c", b"d"]
    assert table_below(shown, shown) == []
    assert table_below([b"a", b"x", b"c", b"y"], shown) == [
        BEGIN + b"\x1b7\x1b[m\x1b[2E\x1b[Kx\x1b[2E\x1b[Ky" + END
    ]


def test_a_table_of_another_height_makes_room_or_erases_what_is_left_over() -> None:
    assert table_below([b"a", b"b", b"c"], [b"a", b"b"]) == [
        BEGIN + b"\x1bD\x1bD\x1bD\x1b[3A\x1b7\x1b[m\x1b[3E\x1b[Jc" + END
    ]
    assert table_below([b"a", b"b"], [b"a", b"x", b"c"]) == [
        BEGIN + b"\x1b7\x1b[m\x1b[2E\x1b[Jb" + END
    ]


def test_each_piece_leaves_the_terminal_usable_and_needs_no_newline() -> None:
    pieces = [at_once(piece) for piece in table_below([b"a" * 80] * 40)]
    assert len(pieces) > 1
    for piece in pieces:
        assert piece.rindex(WRAP) > piece.rindex(NO_WRAP)
        assert piece.rindex(SHOW) > piece.rindex(HIDE)
        assert b"\n" not in piece
        # What the kernel passes on as a whole.
        assert len(piece) <= 2048
    assert b"".join(pieces).count(b"a" * 80) == 40


def test_a_fresh_line_takes_as_many_blanks_as_a_line_has() -> None:
    assert fresh_line(5).count(b" ") == 5
    assert fresh_line(5).endswith(b"\r\x1b[K")
