"""Colours that people can tell apart, colour-blind or not, on light and on dark. Pure.

A hue for each program, those of Okabe and Ito (https://jfly.uni-koeln.de/color/), and shades of it
for its processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_HUES: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#e3d13f")
"""Black is left out, and yellow is a little darker: both have to be seen on any background."""
_SHADES: Final = (0.0, 0.38, -0.26, 0.58)
"""How much white, or where negative black, is in a shade. Neighbours differ by much."""
REST: Final = "#9a9a9a"
"""Of what is summed up, and of what is not known."""


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours around the bands."""

    background: str
    text: str
    faint: str
    """Of axes and of what is said beside."""
    grid: str
    line: str
    """Of the peak, marks and limits."""


LIGHT: Final = Theme("#ffffff", "#1b1f24", "#59636e", "#e4e7eb", "#1b1f24")
DARK: Final = Theme("#14171c", "#e8eaed", "#9aa4b0", "#2b3038", "#e8eaed")


def shade(hue: int, place: int) -> str:
    """Return the colour of the process at a place among those of a program.

    >>> shade(0, 0), shade(0, 1), shade(1, 0)
    ('#0072b2', '#61a8cf', '#e69f00')
    """
    round_, hue = divmod(hue, len(_HUES))
    part = _SHADES[(place + round_) % len(_SHADES)]
    return _mixed(_HUES[hue], part)


def palette() -> Sequence[Sequence[str]]:
    """Return the shades of each hue."""
    return [[shade(hue, place) for place in range(len(_SHADES))] for hue in range(len(_HUES))]


def _mixed(colour: str, part: float) -> str:
    other = 255 if part > 0 else 0
    channels = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(c + (other - c) * abs(part)):02x}" for c in channels)
