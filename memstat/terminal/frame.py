"""What is written to a terminal so that a table stands below the line with the cursor. Pure.

The cursor stays where the command's output goes on, so that whatever other programs write to the
terminal, and what is typed, lands there and not in the table. All that is below the cursor is ours.
No line of it ends in a newline: a program may have switched off what terminals make of one.
Each piece leaves the cursor visible and lines broken at the margin: memstat may be killed after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

_PIECE_BYTES: Final = 1600
"""Of 2048 bytes, less what goes around the lines."""
_LINE_OVERHEAD_BYTES: Final = 8

ERASE_BELOW: Final = b"\x1b[J"
"""From the cursor on."""

_AT_ONCE: Final = b"\x1b[?2026h\x1b[?25l"
_SHOW: Final = b"\x1b[?25h\x1b[?2026l"
"""Synchronized output: terminals that do not know it ignore it."""
_NO_WRAP: Final = b"\x1b[?7l"
_WRAP: Final = b"\x1b[?7h"
_NO_STYLE: Final = b"\x1b[m"
_DOWN: Final = b"\x1bD"
"""One line down in the same column; at the bottom the screen scrolls."""
_NEXT_LINE: Final = b"\x1bE"
"""Whatever the terminal makes of newlines. A terminal takes in a frame without any in one piece."""
_SAVE_CURSOR: Final = b"\x1b7"
_RESTORE_CURSOR: Final = b"\x1b8"
_ERASE_LINE: Final = b"\x1b[K"


def at_once(*parts: bytes) -> bytes:
    """Return what terminals show as a whole, without the cursor running about."""
    return b"".join([_AT_ONCE, *parts, _SHOW])


def table_below(lines: Sequence[bytes]) -> list[bytes]:
    """Return pieces that draw lines below the cursor, in place of all that is there.

    Each is to be written by itself: a terminal that is resized in the middle of one would lose
    track of the cursor. Lines are cut at the margin: it may be narrower than when last asked.
    """
    pieces = []
    for first, last in _in_pieces(lines):
        # What is below is erased before the last line is drawn: after a line that is full, the
        # cursor is on its last character.
        erase = [_ERASE_LINE] * (last - first)
        if last == len(lines):
            erase[-1] = ERASE_BELOW
        drawn = b"".join(
            [b for pair in zip(erase, lines[first:last], strict=True) for b in (_NEXT_LINE, *pair)]
        )
        room = b"" if first else _DOWN * len(lines) + b"\x1b[%dA" % len(lines)
        down = b"\x1b[%dB" % first if first else b""
        pieces.append(
            b"".join((_NO_WRAP, room, _SAVE_CURSOR, _NO_STYLE, down, drawn, _RESTORE_CURSOR, _WRAP))
        )
    return pieces


def _in_pieces(lines: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield where pieces begin and end that the kernel hands on as a whole (tty_write())."""
    first = size = 0
    for at, line in enumerate(lines):
        if size + len(line) > _PIECE_BYTES and at > first:
            yield first, at
            first, size = at, 0
        size += len(line) + _LINE_OVERHEAD_BYTES
    if lines:
        yield first, len(lines)


def fresh_line(columns: int) -> bytes:
    """Return what moves the cursor to the next line, unless it is at the start of an empty one.

    Where it is cannot be known: another program wrote there. As many blanks as a line has get it to
    the next line from anywhere but the start.
    """
    return _WRAP + _NO_STYLE + b" " * columns + b"\r" + _ERASE_LINE


def rewritten(line: bytes) -> bytes:
    """Return what replaces the line with the cursor."""
    return b"\r" + _ERASE_LINE + line


def with_returns(text: bytes) -> bytes:
    r"""Return text with newlines that go to the start of the next line in any terminal mode.

    >>> with_returns(b"a\nb")
    b'a\r\nb'
    """
    return text.replace(b"\n", b"\r\n")
