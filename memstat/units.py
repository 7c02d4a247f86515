"""Sizes and durations as people write and read them."""

from __future__ import annotations

import math
import re
from typing import Final

from memstat.errors import SizeError

__all__ = ["format_size", "parse_size"]

KIB = 1024
"""The ``kB`` of ``/proc`` is 1024 bytes."""

_STEPS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SIZE: Final = r"\s*(\d{1,20})(?:\.(\d{0,20}))?\s*(?:([kmgtpe])(b|ib?)?|b)?\s*"
_LONGEST_QUOTE: Final = 40


def format_size(size_bytes: int | None) -> str:
    """Return a size with a binary unit and three or four significant digits.

    ``None`` (unknown) is ``?``, never 0.

    >>> format_size(0), format_size(1023), format_size(190_000_000), format_size(None)
    ('0 B', '1023 B', '181 MiB', '?')
    """
    if size_bytes is None:
        return "?"
    value = float(size_bytes)
    step = 0
    # 999.5 and not 1024: "1000 MiB" and "1023 MiB" are a digit wider than "0.98 GiB".
    while value >= 999.5 and (step or value >= KIB) and step < len(_STEPS) - 1:
        value /= KIB
        step += 1
    digits = 0 if step == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {_STEPS[step]}"


def format_bracket(low_bytes: int, high_bytes: int) -> str:
    """Return two bounds of a size; their unit is written once where it is the same.

    >>> format_bracket(1_880_000_000, 1_911_000_000), format_bracket(900 << 20, 1 << 30)
    ('between 1.75 and 1.78 GiB', 'between 900 MiB and 1.00 GiB')
    """
    low, high = format_size(low_bytes), format_size(high_bytes)
    number, _, unit = low.partition(" ")
    return f"between {number if high.endswith(f' {unit}') else low} and {high}"


def format_percent(part: float) -> str:
    """Return a part in per cent, rounded up, so that it may be called the most.

    >>> format_percent(0.0), format_percent(0.00001), format_percent(0.0125), format_percent(0.123)
    ('0.0 %', '0.1 %', '1.3 %', '13 %')
    """
    tenths = math.ceil(round(part * 1000, 6))
    return f"{tenths / 10:.1f} %" if tenths < 100 else f"{math.ceil(tenths / 10)} %"


def parse_size(text: str) -> int:
    """Return a size in bytes: a number, with a unit or without (bytes).

    MB is 1000 kB and 1,000,000 bytes; MiB and the bare letter M are 1024 KiB. So it goes for kB,
    GB, TB, PB and EB. Upper and lower case mean the same. A fraction is rounded to a whole byte.

    Raises SizeError, a ValueError, for everything else, negative numbers included.

    >>> parse_size("512M"), parse_size("1.5 GiB"), parse_size("200 MB"), parse_size("4096")
    (536870912, 1610612736, 200000000, 4096)
    """
    match = re.fullmatch(_SIZE, text, re.ASCII | re.IGNORECASE)
    if match is None:
        raise _not_a_size(text)
    whole, fraction, letter, unit = match.groups(default="")
    if fraction and not letter:
        raise _not_a_size(text)
    power = "kmgtpe".index(letter.lower()) + 1 if letter else 0
    multiple: int = (1000 if unit.lower() == "b" else KIB) ** power
    # In whole numbers, since floats would round large sizes.
    divisor: int = 10 ** len(fraction)
    return (int(whole + fraction) * multiple + divisor // 2) // divisor


def _not_a_size(text: str) -> SizeError:
    quote = text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
    return SizeError(
        f"{quote!r} is not a size: write bytes, or a number and a unit, as in 4096, 512M, 1.5 GiB"
        " (powers of 1024) or 200 MB (powers of 1000)"
    )


def format_elapsed(seconds: float) -> str:
    """Return an instant of a run in a form that does not change its unit every second.

    >>> format_elapsed(0.04), format_elapsed(4.25), format_elapsed(3725)
    ('0.0 s', '4.2 s', '1:02:05')
    """
    return f"{seconds:.1f} s" if seconds < 59.95 else format_duration(seconds)


def format_duration(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> format_duration(0.0018), format_duration(4.25), format_duration(3725)
    ('1.8 ms', '4.2 s', '1:02:05')
    """
    if seconds < 0.9995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
