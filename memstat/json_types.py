"""Values of JSON that are what memstat writes: a file may be damaged, or made by others. Pure.

All of these raise ValueError for anything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from memstat.model import MEMORY_FIELDS

T = TypeVar("T")

_MOST: Final = 1 << 62
"""More than any size of memory; arrays of numbers hold it."""
_MOST_PROCESSES: Final = 1 << 22
"""``/proc/sys/kernel/pid_max`` is no larger (proc_sys_kernel(5))."""
_NONE: Final = type(None)
_NUMBER: Final[frozenset[type]] = frozenset({int})
_SIZE: Final[frozenset[type]] = frozenset({int, _NONE})
_TIME: Final[frozenset[type]] = frozenset({int, float, _NONE})
_TEXT: Final[frozenset[type]] = frozenset({str})
_PERHAPS_TEXT: Final[frozenset[type]] = frozenset({str, _NONE})
_TYPES: Final[Mapping[str, frozenset[type]]] = {
    **dict.fromkeys(("pid", "start_ticks", "depth"), _NUMBER),
    **dict.fromkeys((*MEMORY_FIELDS, "rss_peak_bytes", "walked_pss_bytes", "ppid"), _SIZE),
    **dict.fromkeys(("walk_age_s", "walked_at_s"), _TIME),
    **dict.fromkeys(("name", "status"), _TEXT),
    **dict.fromkeys(("reason", "command_line"), _PERHAPS_TEXT),
}
"""Of a process. Fields that are not here are those of a newer memstat."""


def whole(value: object) -> int:
    """Return an integer.

    >>> whole(7)
    7
    >>> whole(True)
    Traceback (most recent call last):
    ValueError: not a whole number: True
    """
    if type(value) is not int or abs(value) >= _MOST:
        raise ValueError(f"not a whole number: {value!r}")
    return value


def real(value: object) -> float:
    """Return a number that is finite, as JSON's are.

    >>> real(7)
    7.0
    >>> real(float("nan"))
    Traceback (most recent call last):
    ValueError: not a number: nan
    """
    if type(value) not in (int, float) or not math.isfinite(number := float(value)):  # type: ignore[arg-type]
        raise ValueError(f"not a number: {value!r}")
    return number


def text(value: object) -> str:
    """Return a text."""
    if type(value) is not str:
        raise ValueError(f"not a text: {value!r}")
    return value


def perhaps(convert: Callable[[object], T], value: object) -> T | None:
    """Return a value, or ``None`` where it is unknown.

    >>> perhaps(whole, None)
    """
    return None if value is None else convert(value)


def check_process(fields: Mapping[str, Any]) -> None:
    """Check the fields of a process, or some of them.

    >>> check_process({"pid": 7, "pss_bytes": None, "name": "sh"})
    >>> check_process({"pid": 7, "pss_bytes": "4096"})
    Traceback (most recent call last):
    ValueError: pss_bytes: '4096'
    >>> check_process({"pss_low_bytes": -1 << 70, "pss_bytes": 1 << 70})
    Traceback (most recent call last):
    ValueError: pss_low_bytes: -1180591620717411303424
    """
    values = fields.values()
    # Most lines of a recording say nothing but how sizes have changed.
    has_sizes_alone = {*map(type, values)} <= _SIZE and "depth" not in fields
    if has_sizes_alone and max(map(abs, filter(None, values)), default=0) < _MOST:
        return
    for field, value in fields.items():
        types = _TYPES.get(field)
        if types and (type(value) not in types or (type(value) is int and abs(value) >= _MOST)):
            raise ValueError(f"{field}: {value!r}")
    if not 0 <= fields.get("depth", 0) < _MOST_PROCESSES:
        raise ValueError(f"depth: {fields['depth']}")
