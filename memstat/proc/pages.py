"""What a process maps, from the texts of a glance and of a walk. It opens no file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from memstat.model import Memory
from memstat.proc.parse import parse_activity, parse_anonymous, parse_statm
from memstat.proc.source import Glance, WalkedPages

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_CORES: Final = os.cpu_count() or 1
_MOST_ERROR_BYTES: Final = 2 * max(32, 2 * _CORES) * _CORES * _PAGE_BYTES
"""What two counters can be off that are kept per CPU (``percpu_counter_batch`` of the kernel)."""

FIRST_GLANCE: Final = Glance(0, 0, 0, 0, 0)
"""Stands for the glance before the first."""


def glance_of(
    statm_text: bytes, stat_text: bytes, before: Glance, read_mark: Callable[[], int | None]
) -> Glance | None:
    """Return what a glance shows; ``None`` where a walk has to find out what there is.

    That is a process without memory, or one that may not be read. ``read_mark`` reads the mark of
    the RSS. It is expensive, and called only when the process has had faults, which alone raise it:
    how many is not asked, as one may map many pages of a file. Raises ParseError.
    """
    resident, shared = parse_statm(statm_text)
    activity = parse_activity(stat_text)
    if not (resident and activity.family):
        return None
    rss_bytes, faulted_bytes = resident * _PAGE_BYTES, activity.faults * _PAGE_BYTES
    mark_bytes = before.rss_peak_bytes
    may_have_grown = faulted_bytes != before.faulted_bytes or activity.family != before.family
    if mark_bytes is None or may_have_grown or rss_bytes > mark_bytes:
        mark_bytes = read_mark()
    return Glance(
        activity.family,
        activity.ppid,
        rss_bytes - shared * _PAGE_BYTES,
        shared * _PAGE_BYTES,
        faulted_bytes,
        activity.name,
        mark_bytes,
    )


def pages_of(rollup_text: bytes, memory: Memory) -> WalkedPages | None:
    """Return what a walk shows, in the terms of a glance; ``None`` before Linux 5.3.

    ``memory`` is what the same text reports.
    """
    anonymous, pss, pss_anon = parse_anonymous(rollup_text), memory.pss_bytes, memory.pss_anon_bytes
    rss, private = memory.rss_bytes, memory.uss_bytes
    if anonymous is None or pss is None or pss_anon is None or rss is None or private is None:
        return None
    anon, huge = anonymous
    return WalkedPages(anon, pss_anon, rss - anon, pss - pss_anon, private, huge > 0)


def with_glance_error(pages: WalkedPages, statm_text: bytes) -> WalkedPages:
    """Return the pages, with how far a glance is off that is of the same moment."""
    resident, shared = parse_statm(statm_text)
    glanced_anon = (resident - shared) * _PAGE_BYTES
    rss = pages.anon_bytes + pages.file_bytes
    error = abs(resident * _PAGE_BYTES - rss) + abs(glanced_anon - pages.anon_bytes)
    # More is no matter of counters, but of pages that are being unmapped.
    return pages._replace(glance_error_bytes=error if error <= _MOST_ERROR_BYTES else 0)
