"""What is written to a terminal so that a table stands below the line with the cursor. Pure.

The cursor stays where the command's output goes on, so that whatever other programs write to the
terminal, and what is typed, lands there and not in the table. All that is below the cursor is ours.
No line of it ends in a newline: a program may have switched off what terminals make of one. Lines
are reached by a sequence that never scrolls: another program may have moved the cursor down.
Each piece leaves the cursor visible and lines broken at the margin: memstat may be killed after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

_PIECE_BYTES: Final = 1600
"""Of 2048 bytes, less what goes around the lines."""
_LINE_OVERHEAD_BYTES: Final = 8

ERASE_TABLE: Final = b"\x1b[K\x1b7\x1b[E\x1b[J\x1b8"
"""All from the cursor on. Not by one sequence: tmux keeps in its history what that erases from the
upper left corner, where the cursor is when the table has the whole screen."""

_AT_ONCE: Final = b"\x1b[?2026h\x1b[?25l"
_SHOW: Final = b"\x1b[?25h\x1b[?2026l"
"""Synchronized output: terminals that do not know it ignore it."""
_NO_WRAP: Final = b"\x1b[?7l"
_WRAP: Final = b"\x1b[?7h"
_NO_STYLE: Final = b"\x1b[m"
_DOWN: Final = b"\x1bD"
"""One line down in the same column; at the bottom the screen scrolls."""
_SAVE_CURSOR: Final = b"\x1b7"
_RESTORE_CURSOR: Final = b"\x1b8"
_ERASE_LINE: Final = b"\x1b[K"
_ERASE_BELOW: Final = b"\x1b[J"


def at_once(*parts: bytes) -> bytes:
    """Return what terminals show as a whole, without the cursor running about."""
    return b"".join([_AT_ONCE, *parts, _SHOW])


def table_below(lines: Sequence[bytes], shown: Sequence[bytes] = ()) -> list[bytes]:
    r"""Return pieces that draw lines below the cursor, where others are ``shown``.

    Lines that are the same are not drawn. Each piece is to be written by itself: a terminal that is
    resized in the middle of one would lose track of the cursor. Lines are cut at the margin: it may
    be narrower than when last asked.

    >>> table_below([b"a", b"b"], [b"a", b"b"])
    []
    """
    scrolled = _DOWN * len(lines) + b"\x1b[%dA" % len(lines) if len(lines) > len(shown) else b""
    pieces = []
    for changes in _in_pieces(_changes(lines, shown)):
        drawn, at = b"", 0
        for row, change in changes:
            drawn += b"\x1b[%dE%b" % (row - at, change)
            at = row
        pieces.append(
            b"".join((_NO_WRAP, scrolled, _SAVE_CURSOR, _NO_STYLE, drawn, _RESTORE_CURSOR, _WRAP))
        )
        scrolled = b""
    return pieces


def _changes(lines: Sequence[bytes], shown: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Return which lines differ, the first is 1, and what replaces them."""
    before = [*shown[: len(lines)], *[None] * (len(lines) - len(shown))]
    changes = [
        (at, _ERASE_LINE + line)
        for at, (line, other) in enumerate(zip(lines, before, strict=True), 1)
        if line != other
    ]
    if lines and len(lines) != len(shown):
        # What is below is erased before the last line is drawn: after a line that is full, the
        # cursor is on its last character.
        last = len(lines)
        changes = [change for change in changes if change[0] != last]
        changes.append((last, _ERASE_BELOW + lines[-1]))
    return changes


def _in_pieces(changes: Sequence[tuple[int, bytes]]) -> Iterator[Sequence[tuple[int, bytes]]]:
    """Yield as many changes as the kernel hands on as a whole (tty_write())."""
    first = size = 0
    for at, (_, change) in enumerate(changes):
        if size + len(change) > _PIECE_BYTES and at > first:
            yield changes[first:at]
            first, size = at, 0
        size += len(change) + _LINE_OVERHEAD_BYTES
    if changes:
        yield changes[first:]


def fresh_line(columns: int) -> bytes:
    """Return what moves the cursor to the next line, unless it is at the start of an empty one.

    Where it is cannot be known: another program wrote there. As many blanks as a line has get it to
    the next line from anywhere but the start.
    """
    return _WRAP + _NO_STYLE + b" " * columns + b"\r" + _ERASE_LINE


def rewritten(line: bytes) -> bytes:
    """Return what replaces the line with the cursor."""
    return b"\r" + _ERASE_LINE + line


def rows_of(text: bytes, columns: int) -> int:
    r"""Return how many rows of a terminal finished lines take; colours and accents count as more.

    >>> rows_of(b"a\nb\n", 80), rows_of(b"x" * 100 + b"\n", 80)
    (2, 2)
    """
    lines = text.split(b"\n")[:-1]
    return sum(max(1, -(-len(line) // columns)) for line in lines)


def with_returns(text: bytes) -> bytes:
    r"""Return text with newlines that go to the start of the next line in any terminal mode.

    >>> with_returns(b"a\nb")
    b'a\r\nb'
    """
    return text.replace(b"\n", b"\r\n")
