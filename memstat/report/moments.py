"""What is said of an instant that a key has named. Pure."""

from __future__ import annotations

from memstat.results import Mark, Peak
from memstat.units import format_elapsed, format_size


def mark_line(mark: Mark, since: str) -> str:
    """Return a line on a mark and the peak of the phase that it ends.

    >>> mark_line(Mark("mark 1", 12.5, None), "the start")
    'mark 1 at 12.5 s: no sample since the start'
    """
    return f"{mark.name} at {format_elapsed(mark.elapsed_s)}: {_since(mark.peak, since)}"


def reset_line(peak: Peak | None, at_s: float) -> str:
    """Return a line on the peak that is forgotten.

    >>> from memstat.testing import snapshot_of
    >>> reset_line(Peak(2048, snapshot_of({7: 2048}, elapsed_s=1.5)), 3.0)
    'peak reset at 3.0 s: it was 2.00 KiB at 1.5 s'
    """
    was = f"it was {_text(peak)}" if peak else "there was none"
    return f"peak reset at {format_elapsed(at_s)}: {was}"


def _since(peak: Peak | None, since: str) -> str:
    return f"peak {_text(peak)} since {since}" if peak else f"no sample since {since}"


def _text(peak: Peak) -> str:
    return f"{format_size(peak.pss_bytes)} at {format_elapsed(peak.elapsed_s)}"
