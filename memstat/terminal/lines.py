"""What a program printed, as lines that may scroll past a live display. Pure."""

from __future__ import annotations

import re
from typing import Final

_LONGEST_LINE: Final = 1 << 16

_ESCAPES: Final = re.compile(
    rb"\x1b(?!\[[0-9;:]*m)"  # any but SGR, which is colour
    rb"(?:\[[0-?]*[ -/]*[@-~]"  # CSI: cursor, erasing, modes
    rb"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC, DCS: titles and the like
    rb"|[ -/]*[0-~])?"  # two characters, or more with intermediate ones
)
_CONTROLS: Final = bytes({*range(0x20), 0x7F} - set(b"\t\n\r\x1b"))
_C1_CONTROLS: Final = re.compile(rb"\xc2+[\x80-\x9f]+")
"""Escape sequences in one character, in UTF-8; some terminals obey them."""
_COLOUR: Final = re.compile(rb"\x1b\[([0-9;:]*)m")
_BEGUN_ESCAPE: Final = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*)?\Z")
_LONGEST_COLOUR: Final = 256
_RESETS: Final = (b"\x1b[0m", b"\x1b[m")


class LineFilter:
    r"""Turns a stream of terminal output into finished lines, colours kept.

    A carriage return inside a line leaves what came after it; what would move the cursor is
    removed. A line longer than 64 KiB is broken, since memory is not for the program to spend.

    >>> LineFilter().feed(b"10 %\r20 %\rdone\r\n\x1b[2Jnext")
    b'done\n'
    """

    def __init__(self) -> None:
        self._pending = b""
        self._colour = b""

    def feed(self, data: bytes) -> bytes:
        """Take in output; return the lines that it finished, each with its newline."""
        data = self._pending + data
        end = data.rfind(b"\n") + 1
        finished, rest = data[:end], data[end:]
        if len(rest) > _LONGEST_LINE:
            # After the last carriage return only, since the rest would be overwritten.
            rest = rest[max(0, rest.rfind(b"\r", 0, -1)) :]
        if len(rest) > _LONGEST_LINE:
            finished, rest = finished + rest + b"\n", b""
        self._pending = rest
        return self._in_colour(_clean(finished))

    def finish(self) -> bytes:
        """Return what is left as a line of its own."""
        rest, self._pending = self._pending, b""
        return self._in_colour(_clean(rest + b"\n")) if rest else b""

    @property
    def pending(self) -> bytes:
        """The unfinished line as it stands."""
        return self._colour + _clean(self._pending[-_LONGEST_LINE:])

    def release(self) -> bytes:
        """Forget the unfinished line; return what its output has begun and a terminal needs."""
        colour = _colour_after(self._colour, self._pending)
        begun = _BEGUN_ESCAPE.search(self._pending)
        self._pending = self._colour = b""
        return colour + (begun[0] if begun else b"")

    def _in_colour(self, text: bytes) -> bytes:
        """Begin with the colour that the last text ended in, and end without."""
        if not text:
            return text
        begin, self._colour = self._colour, _colour_after(self._colour, text)
        return begin + text + (b"\x1b[0m" if self._colour else b"")


def _clean(text: bytes) -> bytes:
    if b"\x1b" in text:
        text = _ESCAPES.sub(b"", text)
    text = text.translate(None, _CONTROLS)
    if b"\xc2" in text:
        text = _C1_CONTROLS.sub(b"", text)
    text = text.replace(b"\r\n", b"\n")
    if b"\r" not in text:
        return text
    return b"\n".join(map(_last_state, text.split(b"\n")))


def _last_state(line: bytes) -> bytes:
    """Return what carriage returns leave of a line. Colours of what is overwritten go on."""
    overwritten, _, left = line.rstrip(b"\r").rpartition(b"\r")
    if b"\x1b" not in overwritten:
        return left
    reset = b"\x1b[0m" if any(code in overwritten for code in _RESETS) else b""
    return reset + _colour_after(b"", overwritten) + left


def _colour_after(colour: bytes, text: bytes) -> bytes:
    last_reset = max(text.rfind(reset) for reset in _RESETS)
    if last_reset >= 0:
        colour, text = b"", text[last_reset:]
    for code in _COLOUR.finditer(text):
        colour = b"" if code[1] in (b"", b"0", b"00") else colour + code[0]
        if len(colour) > _LONGEST_COLOUR:
            # Sequences add up until a reset; where none comes, the last ones count.
            colour = colour[colour.index(b"\x1b", len(colour) - _LONGEST_COLOUR) :]
    return colour
