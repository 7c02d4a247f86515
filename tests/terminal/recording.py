"""What a recording of a terminal's bytes says of the table: each frame, and what it wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_FRAME: Final = re.compile(rb"\x1b\[\?2026h(.*?)\x1b\[\?2026l", re.DOTALL)
_PIECE: Final = re.compile(rb"\x1b\[\?7l(?P<drawn>.*?)\x1b\[\?7h|\x1b\[E\x1b\[J", re.DOTALL)
_LINE: Final = re.compile(rb"\x1b\[(\d+)E\x1b\[([KJ])((?:(?!\x1b\[\d+E|\x1b8).)*)", re.DOTALL)
_COLOUR: Final = re.compile(rb"\x1b\[[\d;]*m")


@dataclass(frozen=True, slots=True)
class Frame:
    """The table after one of the pieces that are written at once."""

    lines: dict[int, bytes]
    """What stands below the cursor then, with colours; the first line is 1."""
    written: dict[int, bytes]
    """What was written of it."""
    before: dict[int, bytes]
    """What stood there before."""

    @property
    def text(self) -> str:
        """The table without colours."""
        lines = b"\n".join(self.lines[row] for row in sorted(self.lines))
        return _COLOUR.sub(b"", lines).decode()


def frames(recording: bytes) -> Iterator[Frame]:
    """Yield the table after each piece. A piece that only prints yields the same table again."""
    lines: dict[int, bytes] = {}
    for frame in _FRAME.finditer(recording):
        before, written = dict(lines), {}
        for piece in _PIECE.finditer(frame[1]):
            if piece["drawn"] is None:
                lines = {}
                continue
            row = 0
            for down, erases, text in _LINE.findall(piece["drawn"]):
                row += int(down)
                if erases == b"J":
                    lines = {at: line for at, line in lines.items() if at < row}
                lines[row] = written[row] = text
        yield Frame(dict(lines), written, before)
