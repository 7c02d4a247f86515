"""The end of a run in a few lines, for people at a terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from memstat.model import ProcessSample, Snapshot
from memstat.report.estimates import peak_bracket, pss_text
from memstat.report.lines import filled, in_lines
from memstat.report.notes import no_peak_reason
from memstat.text import plural, printable, signal_name
from memstat.units import format_elapsed, format_percent, format_size

if TYPE_CHECKING:  # A snapshot alone is reported without these classes.
    from memstat.results import Peak, RunResult, SamplingStats

_LARGEST: Final = 3


def run_summary_lines(result: RunResult, width: int | None = None) -> list[str]:
    """Return peak, time and largest processes; then end, duration and samples.

    Lines end between facts where a terminal is only ``width`` columns wide.
    """
    after = f"after {format_elapsed(result.duration_s)}"
    end = in_lines([f"{end_text(result)} {after}", *sampling_facts(result.stats)], ", ", width)
    if result.peak is not None:
        return [*peak_lines(result.peak, width), *end]
    reason = f"Peak: {no_peak_reason(result.duration_s, result.last)}"
    return [*filled(reason, width), *end]


def watch_summary_lines(
    peak: Peak | None, stats: SamplingStats, width: int | None = None
) -> list[str]:
    """Return the end of a watch: peak, time and largest processes; samples."""
    return [
        *(peak_lines(peak, width) if peak else []),
        *in_lines(sampling_facts(stats), ", ", width),
    ]


def peak_lines(peak: Peak, width: int | None = None) -> list[str]:
    """Return the peak and when it was; the processes that had most of it.

    Where its bounds are more than 1 % apart, they follow it.

    >>> from memstat.results import Peak
    >>> from memstat.testing import snapshot_of
    >>> peak = Peak(5 << 20, snapshot_of({7: 4 << 20, 8: 1 << 20}, elapsed_s=2.5))
    >>> peak_lines(peak)
    ['Peak: 5.00 MiB at 2.5 s', '  p7 [7] 4.00 MiB, p8 [8] 1.00 MiB']
    >>> peak_lines(peak, width=25)
    ['Peak: 5.00 MiB at 2.5 s', '  p7 [7] 4.00 MiB,', '  p8 [8] 1.00 MiB']
    """
    largest = _largest(peak.snapshot)
    # The first of them is indented as what follows on further lines.
    of_peak = in_lines([f"  {largest[0]}", *largest[1:]], ", ", width)
    return [*in_lines(peak_facts(peak), " ", width), *of_peak]


def peak_facts(peak: Peak) -> list[str]:
    """Return how large the peak was, its bounds where they are more than 1 % apart, and when."""
    bracket = peak_bracket(peak)
    when = f"at {format_elapsed(peak.elapsed_s)}"
    return [f"Peak: {format_size(peak.pss_bytes)}", *([f"({bracket})"] if bracket else []), when]


def _largest(snapshot: Snapshot) -> list[str]:
    by_size = sorted(snapshot.processes, key=_pss_bytes, reverse=True)
    parts = [
        f"{printable(p.name)} [{p.key.pid}] {pss_text(p.memory)}"
        for p in by_size[:_LARGEST]
        if p.memory.pss_bytes is not None
    ]
    if len(by_size) > len(parts):
        parts.append(f"{len(by_size) - len(parts)} more")
    return parts


def _pss_bytes(process: ProcessSample) -> int:
    return process.memory.pss_bytes or 0


def end_text(result: RunResult) -> str:
    """Return how a command ended."""
    if result.signal is not None:
        return f"Killed by signal {signal_name(result.signal)}"
    return f"Exited with code {result.exit_code}"


def sampling_facts(stats: SamplingStats) -> list[str]:
    """Return how many samples there are, and what they have cost."""
    parts = [plural(stats.samples, "sample", "samples")]
    if stats.missed_ticks:
        parts.append(f"{plural(stats.missed_ticks, 'tick', 'ticks')} missed")
    if stats.walks:
        parts.append(_walks(stats))
    return parts


def _walks(stats: SamplingStats) -> str:
    """Return what measuring cost: the part of its time for which it held up a process."""
    walks = plural(stats.walks, "walk", "walks")
    if not stats.held_share:
        return walks
    return f"{walks} costing at most {format_percent(stats.held_share)}"
