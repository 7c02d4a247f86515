"""Lines of a terminal as text in styles, each of its exact width. Pure.

They are made here and not by ``rich.table``, which takes ten times as long for the same lines,
and printed here and not by ``Console.print``, which takes three times as long: ten times a second
that is most of what a table costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style

from memstat.report.keys import Scroll

DIM: Final = Style(dim=True)
STRONG: Final = Style(bold=True)
WARN: Final = Style(color="yellow")
TREND: Final = Style(color="cyan")

_UNSCROLLED: Final = Scroll()

Span = tuple[str, Style | None]
"""Some text and its style."""
Line = Sequence[Span]


@dataclass(frozen=True, slots=True)
class Page:
    """What is on the screen; each line is at most as wide as was asked for."""

    lines: Sequence[Line]
    scroll: Scroll = _UNSCROLLED
    """Where the list stands, for the next key."""

    def printed(self, console: Console) -> list[str]:
        """Return the lines in as many colours as a console has."""
        system = COLOR_SYSTEMS[console.color_system] if console.color_system else None

        def in_style(text: str, style: Style | None) -> str:
            if style is None:
                return text
            shown = style.without_color if console.no_color else style
            return shown.render(text, color_system=system)

        return ["".join([in_style(*span) for span in line]) for line in self.lines]


def line_of(spans: Iterable[Span]) -> Line:
    """Return a line without blanks at its end. Its spans are as wide as is right."""
    joined_spans: list[Span] = []
    joined, style = "", None
    for text, its_style in spans:
        # Neighbours of one style are one: each costs as much as its text does.
        if its_style is style or text.isspace():
            joined += text
            continue
        if joined:
            joined_spans.append((joined, style))
        joined, style = text, its_style
    if ending := joined.rstrip(" "):
        joined_spans.append((ending, style))
    return joined_spans


def cut(spans: Iterable[Span], width: int) -> Line:
    """Return a line of no more than ``width`` columns."""
    fitting: list[Span] = []
    for text, style in spans:
        room, width = width, width - cell_len(text)
        fitting.append((text if width >= 0 else set_cell_size(text, room), style))
        if width <= 0:
            break
    return line_of(fitting)


def in_ascii(text: str) -> str:
    r"""Return text as a terminal shows it that takes nothing but ASCII.

    >>> in_ascii("café")
    'caf\\xe9'
    """
    return text if text.isascii() else text.encode("ascii", "backslashreplace").decode("ascii")


def fitted(text: str, width: int, *, ascii_only: bool = False) -> str:
    """Return text of exactly ``width`` columns: filled up, or cut with a sign that it was.

    >>> fitted("make", 6), fitted("cc1plus", 6), fitted("make", 0)
    ('make  ', 'cc1pl…', '')
    """
    text = in_ascii(text) if ascii_only else text
    # What takes no column has no end: a command line of accents alone.
    text = text[: width + 1]
    if (text.isascii() and len(text) <= width) or cell_len(text) <= width:
        return text.ljust(width) if text.isascii() else set_cell_size(text, width)
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1) + ("." if ascii_only else "…")
