"""Sizes that are known by bounds only, as text. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from memstat.deferred import undated
from memstat.model import Memory, ProcessSample, ReadStatus, Snapshot
from memstat.units import format_bracket, format_size

if TYPE_CHECKING:  # A snapshot alone is reported without these classes.
    from memstat.results import Peak

_PART: Final = 100
"""Bounds further apart than a hundredth are stated."""
_MARK: Final = "~"


def is_wide(low_bytes: int | None, high_bytes: int | None) -> bool:
    """Whether bounds are further apart than 1 %: then a reader must know them.

    >>> is_wide(99, 100), is_wide(98, 100), is_wide(None, None)
    (False, True, False)
    """
    if low_bytes is None or high_bytes is None:
        return False
    return (high_bytes - low_bytes) * _PART > high_bytes


def pss_text(memory: Memory, text_of: Callable[[int | None], str] = format_size) -> str:
    """Return the PSS, with a mark where it is an estimate.

    Bounds that read the same need no mark: each digit that is shown is known.

    >>> mib = 1 << 20
    >>> pss_text(Memory(pss_bytes=5 * mib, pss_low_bytes=4 * mib, pss_high_bytes=7 * mib))
    '~5.00 MiB'
    >>> pss_text(Memory(pss_bytes=5 * mib, pss_low_bytes=5 * mib, pss_high_bytes=5 * mib + 1))
    '5.00 MiB'
    """
    text = text_of(memory.pss_bytes)
    return f"{_MARK}{text}" if reads_as_estimate(memory, text_of) else text


def reads_as_estimate(memory: Memory, text_of: Callable[[int | None], str] = format_size) -> bool:
    """Whether a size is known by bounds only, and these do not read the same."""
    if memory.pss_bytes is None or not memory.is_estimated:
        return False
    return text_of(memory.pss_low_bytes) != text_of(memory.pss_high_bytes)


def measured_total(snapshot: Snapshot) -> Memory:
    """Return the total with the bounds of what was measured.

    Its upper bound includes the RSS of processes that may not be read. But for these it is partial,
    which is said elsewhere, and no estimate.
    """
    total = snapshot.total
    if total.pss_high_bytes is None:
        return total
    denied = [
        process.memory.pss_high_bytes or 0
        for process in undated(snapshot)
        if process.status is ReadStatus.DENIED
    ]
    return replace(total, pss_high_bytes=total.pss_high_bytes - sum(denied)) if denied else total


def is_outdated(sample: ProcessSample) -> bool:
    """Whether what only a walk shows (USS, swap, huge pages) is of another time than PSS."""
    memory, walked_bytes = sample.memory, sample.walked_pss_bytes
    if not sample.walk_age_s or memory.pss_bytes is None or walked_bytes is None:
        return False
    return is_wide(*sorted((walked_bytes, memory.pss_bytes))) or reads_as_estimate(memory)


def peak_bracket(peak: Peak) -> str | None:
    """Return the bounds of a peak; ``None`` where they are within 1 %.

    >>> from memstat.results import Peak
    >>> from memstat.testing import snapshot_of
    >>> peak_bracket(Peak(100, snapshot_of({7: 100}), 100, 101))
    >>> peak_bracket(Peak(100, snapshot_of({7: 100}), 98, 101))
    'between 98 and 101 B'
    """
    if not is_wide(peak.pss_low_bytes, peak.pss_high_bytes):
        return None
    return format_bracket(peak.pss_low_bytes, peak.pss_high_bytes)


def total_text(total: Memory) -> str:
    """Return a total with its bounds where these are more than 1 % apart.

    >>> total_text(Memory(pss_bytes=100))
    '100 B'
    >>> total_text(Memory(pss_bytes=95, pss_low_bytes=90, pss_high_bytes=99))
    '95 B (between 90 and 99 B)'
    """
    low_bytes, high_bytes = total.pss_low_bytes, total.pss_high_bytes
    if low_bytes is None or high_bytes is None or not is_wide(low_bytes, high_bytes):
        return pss_text(total)
    return f"{format_size(total.pss_bytes)} ({format_bracket(low_bytes, high_bytes)})"
