"""The dashboard as read off a screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_UNITS: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SIZE: Final = r"~?[\d.]+ (?:B|KiB|MiB|GiB)"
_ROW: Final = re.compile(rf"^ *(\d+) ( *)(\S.*?) +({SIZE}|-|denied|gone)(?= |$)(.*)$", re.MULTILINE)
_TOTAL: Final = re.compile(rf"^Total +({SIZE})(?:  peak +({SIZE}) at ([\d.]+) s)?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A process on the screen."""

    pid: int
    depth: int
    name: str
    pss: str
    others: str


@dataclass(frozen=True, slots=True)
class ShownTotal:
    """The line below the processes."""

    pss_bytes: float
    peak_bytes: float
    peak_at_s: float


def rows(screen: str) -> list[ShownRow]:
    """Return the processes of the last table on the screen."""
    table = screen[screen.rfind("NAME") :]
    return [
        ShownRow(int(pid), len(indent) // 2, name, pss, others)
        for pid, indent, name, pss, others in _ROW.findall(table)
    ]


def total(screen: str) -> ShownTotal:
    """Return the last total on the screen."""
    *_, last = _TOTAL.finditer(screen)
    return ShownTotal(size_bytes(last[1]), size_bytes(last[2]), float(last[3]))


def size_bytes(text: str) -> float:
    """Return a size as it was rounded for the screen."""
    number, unit = text.removeprefix("~").split()
    return float(number) * _UNITS[unit]


def summed(screen: str) -> float:
    """Return the sum of the sizes on the screen."""
    return sum(size_bytes(row.pss) for row in rows(screen) if row.pss[-1] == "B")


def shows_children(count: int) -> Callable[[str], bool]:
    """Return a predicate: that so many living processes below the target are on the screen."""
    return lambda screen: count == sum(r.depth > 0 and r.pss != "gone" for r in rows(screen))
