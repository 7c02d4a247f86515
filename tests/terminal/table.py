"""The dashboard as read off a screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_UNITS: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SIZE: Final = r"~?[\d.]+ (?:B|KiB|MiB|GiB)"
_TITLES: Final = re.compile(r"^( *PID )(NAME +)(PSS (\w+))", re.MULTILINE)
_PSS: Final = re.compile(r"~?<?[\d.]+|-|denied|ended")
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
    """Return the processes of the last table on the screen, each cell by its place."""
    titles = [*_TITLES.finditer(screen)]
    if not titles:
        return []
    pid, name, pss, unit = titles[-1].groups()
    at_name, at_pss = len(pid), len(pid) + len(name)
    at_others = at_pss + len(pss)
    return [
        ShownRow(
            pid=int(line[:at_name]),
            depth=_indent(line[at_name:at_pss]) // 2,
            name=line[at_name:at_pss].strip(),
            pss=_with_unit(line[at_pss:at_others].strip(), unit),
            others=line[at_others:],
        )
        for line in screen[titles[-1].end() :].splitlines()
        if line[:at_name].strip().isdecimal() and _PSS.fullmatch(line[at_pss:at_others].strip())
    ]


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _with_unit(pss: str, unit: str) -> str:
    return f"{pss} {unit}" if pss[-1].isdigit() else pss


def total(screen: str) -> ShownTotal:
    """Return the last total on the screen."""
    *_, last = _TOTAL.finditer(screen)
    return ShownTotal(size_bytes(last[1]), size_bytes(last[2]), float(last[3]))


def size_bytes(text: str) -> float:
    """Return a size as it was rounded for the screen."""
    number, unit = text.lstrip("~<").split()
    return float(number) * _UNITS[unit]


def summed(screen: str) -> float:
    """Return the sum of the sizes on the screen."""
    return sum(size_bytes(row.pss) for row in rows(screen) if row.pss[-1] == "B")


def shows_children(count: int) -> Callable[[str], bool]:
    """Return a predicate: that so many living processes below the target are on the screen."""
    return lambda screen: count == sum(r.depth > 0 and r.pss != "ended" for r in rows(screen))
