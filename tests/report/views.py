"""Views to draw, and what is drawn as text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus
from memstat.report.board import ProcessRow, View
from memstat.report.page import Page
from memstat.report.table import dashboard
from memstat.report.view_options import ViewOptions
from memstat.results import Peak, SamplingStats
from memstat.sampling.sums import add_up
from memstat.testing import snapshot_of

MIB: Final = 1 << 20
STATS: Final = SamplingStats(0.1, 42, 3, 0, 0.2, 0.0018, 0.004)
USUAL: Final = ViewOptions()


def row(
    pid: int,
    name: str,
    pss_mib: float,
    *,
    depth: int = 1,
    command_line: str | None = None,
    growth_mib: float | None = None,
    estimated: bool = False,
    peak_mib: float | None = None,
) -> ProcessRow:
    """Return a process that has had twice as much, or a given peak."""
    pss_bytes = round(pss_mib * MIB)
    spread = pss_bytes // 20 if estimated else 0
    sizes = Memory(
        pss_bytes=pss_bytes,
        uss_bytes=pss_bytes // 2,
        rss_bytes=pss_bytes * 2,
        swap_pss_bytes=0,
        pss_anon_bytes=pss_bytes,
        pss_low_bytes=pss_bytes - spread,
        pss_high_bytes=pss_bytes + spread,
    )
    sample = ProcessSample(
        ProcessKey(pid, pid),
        name,
        1,
        depth,
        ReadStatus.MEASURED,
        sizes,
        command_line=command_line,
        walk_age_s=1.2 if estimated else 0.0,
        walked_pss_bytes=pss_bytes,
    )
    peak_bytes = 2 * pss_bytes if peak_mib is None else round(peak_mib * MIB)
    return ProcessRow(
        sample,
        peak_bytes,
        (peak_bytes - spread, peak_bytes + spread) if estimated else None,
        (0, peak_bytes // 2),
        peak_bytes,
        None if growth_mib is None else round(growth_mib * MIB),
        pss_bytes,
    )


def denied(pid: int, name: str, rss_mib: int, *, depth: int = 1) -> ProcessRow:
    """Return a process that may not be read."""
    memory = Memory(rss_bytes=rss_mib * MIB, pss_low_bytes=0, pss_high_bytes=rss_mib * MIB)
    return ProcessRow(
        ProcessSample(ProcessKey(pid, pid), name, 1, depth, ReadStatus.DENIED, memory)
    )


def view_of(
    rows: Sequence[ProcessRow], ended: Sequence[ProcessRow] = (), *, peak_mib: float | None = 250
) -> View:
    """Return a view of processes; its peak was a while ago."""
    readable = [r.sample for r in rows if r.sample.status is not ReadStatus.DENIED]
    total = add_up(readable)
    peak_bytes = round((peak_mib or 0) * MIB)
    peak = Peak(peak_bytes, snapshot_of({7: peak_bytes}, elapsed_s=12.34))
    return View(
        rows=tuple(rows),
        total=total,
        peak=None if peak_mib is None else peak,
        trend=(0, peak_bytes // 2, peak_bytes, total.pss_bytes or 0),
        elapsed_s=75.0,
        stats=STATS,
        unreadable=len(rows) - len(readable),
        ended=tuple(ended),
    )


def printed(page: Page, *, colours: bool = False) -> list[str]:
    """Return what is printed of a page, with colours or without."""
    console = Console(
        file=io.StringIO(),
        color_system="standard" if colours else None,
        force_terminal=colours,
        markup=False,
        emoji=False,
        highlight=False,
    )
    return page.printed(console)


def table(
    view: View,
    width: int,
    height: int = 24,
    options: ViewOptions = USUAL,
    *,
    ascii_only: bool = False,
) -> list[str]:
    """Return the lines of a view."""
    return printed(dashboard(view, options, width=width, height=height, ascii_only=ascii_only))
