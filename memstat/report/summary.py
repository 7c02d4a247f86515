"""The end of a run in a few lines, for people at a terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from memstat.model import ProcessSample, Snapshot
from memstat.report.estimates import peak_bracket, pss_text
from memstat.report.notes import no_peak_reason
from memstat.text import plural, printable, signal_name
from memstat.units import format_elapsed, format_percent, format_size

if TYPE_CHECKING:  # A snapshot alone is reported without these classes.
    from memstat.results import Peak, RunResult, SamplingStats

_LARGEST: Final = 3


def run_summary_lines(result: RunResult) -> list[str]:
    """Return peak, time and largest processes; then end, duration and samples."""
    if result.peak is None:
        peak = [f"Peak: {no_peak_reason(result.duration_s, result.last)}"]
    else:
        peak = peak_lines(result.peak)
    after = f"after {format_elapsed(result.duration_s)}"
    return [*peak, f"{_end(result)} {after}, {_samples(result.stats)}"]


def watch_summary_lines(peak: Peak | None, stats: SamplingStats) -> list[str]:
    """Return the end of a watch: peak, time and largest processes; samples."""
    return [*(peak_lines(peak) if peak else []), _samples(stats)]


def peak_lines(peak: Peak) -> list[str]:
    """Return the peak and when it was; the processes that had most of it.

    Where its bounds are more than 1 % apart, they follow it.

    >>> from memstat.results import Peak
    >>> from memstat.testing import snapshot_of
    >>> peak_lines(Peak(5 << 20, snapshot_of({7: 4 << 20, 8: 1 << 20}, elapsed_s=2.5)))
    ['Peak: 5.00 MiB at 2.5 s', '  p7 [7] 4.00 MiB, p8 [8] 1.00 MiB']
    """
    bracket, when = peak_bracket(peak), format_elapsed(peak.elapsed_s)
    size = format_size(peak.pss_bytes) + (f" ({bracket})" if bracket else "")
    return [f"Peak: {size} at {when}", f"  {_largest(peak.snapshot)}"]


def _largest(snapshot: Snapshot) -> str:
    by_size = sorted(snapshot.processes, key=_pss_bytes, reverse=True)
    parts = [
        f"{printable(p.name)} [{p.key.pid}] {pss_text(p.memory)}"
        for p in by_size[:_LARGEST]
        if p.memory.pss_bytes is not None
    ]
    if len(by_size) > len(parts):
        parts.append(f"{len(by_size) - len(parts)} more")
    return ", ".join(parts)


def _pss_bytes(process: ProcessSample) -> int:
    return process.memory.pss_bytes or 0


def _end(result: RunResult) -> str:
    if result.signal is not None:
        return f"Killed by signal {signal_name(result.signal)}"
    return f"Exited with code {result.exit_code}"


def _samples(stats: SamplingStats) -> str:
    parts = [plural(stats.samples, "sample", "samples")]
    if stats.missed_ticks:
        parts.append(f"{plural(stats.missed_ticks, 'tick', 'ticks')} missed")
    if stats.walks:
        parts.append(_walks(stats))
    return ", ".join(parts)


def _walks(stats: SamplingStats) -> str:
    """Return what measuring cost: the part of its time for which it held up a process."""
    walks = plural(stats.walks, "walk", "walks")
    if not stats.held_share:
        return walks
    return f"{walks} costing at most {format_percent(stats.held_share)}"
