"""How a command's output reaches its terminal: as lines above a table, or whole. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from memstat.terminal.lines import LineFilter

LEAVE_ALTERNATE: Final = b"\x1b[?1049l"

_MODES: Final = re.compile(rb"\x1b\[\?([0-9;]*)([hl])")
_UNFINISHED_MODE: Final = re.compile(rb"\x1b(?:\[(?:\?[0-9;]{0,32})?)?\Z")
_ALTERNATE: Final = frozenset({b"47", b"1047", b"1049"})
"""DECSET of the screen that programs take which use all of it (xterm's ctlseqs)."""
_CURSOR_MOVES: Final = re.compile(rb"\x1b(?:\[[0-9;]*[A-HJSTdf]|[78M])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the output."""

    text: bytes
    """Finished lines; or, when it is whole, anything."""
    unfinished: bytes = b""
    """The line that is not finished, as it stands."""
    is_whole: bool = False
    """Whether it goes to the terminal as it is: then nothing else may be on it."""
    is_on_alternate: bool = False
    """Whether it goes to the other screen, or comes back from it: the usual one stays as it is."""


def moves_cursor(data: bytes) -> bool:
    """Whether output goes elsewhere on the screen than to the next line."""
    return b"\x1b" in data and _CURSOR_MOVES.search(data) is not None


class Passage:
    r"""Cuts output where a program takes the whole screen, and where it gives it back.

    >>> [p.is_whole for p in Passage().feed(b"a\n\x1b[?1049hb", occupied=False)]
    [False, True]
    """

    def __init__(self) -> None:
        self.on_alternate = False
        """Whether a program has the whole screen."""
        self._lines = LineFilter()
        self._is_whole = False
        self._begun = b""

    def feed(self, data: bytes, *, occupied: bool) -> list[Piece]:
        """Take in output; ``occupied`` says that the command has the terminal to itself."""
        if self.on_alternate or occupied:
            return self._pass(data)
        # Of what passed whole, nothing was held back.
        data, self._begun = data if self._is_whole else self._begun + data, b""
        at = self._entry(data)
        if at is not None:
            return [*self._as_lines(data[:at]), *self._pass(data[at:])]
        if (begun := _UNFINISHED_MODE.search(data)) is not None:
            data, self._begun = data[: begun.start()], begun[0]
        return self._as_lines(data)

    def finish(self) -> list[Piece]:
        """Return what is left when there is no more output."""
        if self.on_alternate:
            # Its program was killed: what follows belongs on the usual screen.
            self.on_alternate = False
            return [Piece(LEAVE_ALTERNATE, is_whole=True)]
        return [] if self._is_whole else [Piece(self._lines.finish())]

    def _as_lines(self, data: bytes) -> list[Piece]:
        self._is_whole = False
        return [Piece(self._lines.feed(data), self._lines.pending)]

    def _pass(self, data: bytes) -> list[Piece]:
        """Pass all on. What follows the return from the other screen is still the program's."""
        if not self._is_whole:
            self._is_whole = True
            data = self._lines.release() + self._begun + data
            self._begun = b""
        switches = self._switches(self._begun + data)
        is_on_alternate = self.on_alternate or bool(switches)
        for is_alternate, _ in switches:
            self.on_alternate = is_alternate
        begun = _UNFINISHED_MODE.search(data)
        self._begun = begun[0] if begun else b""
        return [Piece(data, is_whole=True, is_on_alternate=is_on_alternate)]

    def _entry(self, data: bytes) -> int | None:
        """Return where the output first goes to the other screen."""
        return next((at for is_alternate, at in self._switches(data) if is_alternate), None)

    def _switches(self, data: bytes) -> list[tuple[bool, int]]:
        if b"\x1b[?" not in data:
            return []
        return [
            (match[2] == b"h", match.start())
            for match in _MODES.finditer(data)
            if not _ALTERNATE.isdisjoint(match[1].split(b";"))
        ]
