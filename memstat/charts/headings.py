"""What stands above a chart. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from memstat.charts.chart import Heading
from memstat.charts.course import Course
from memstat.recording.header import Header
from memstat.report.estimates import is_wide, peak_bracket
from memstat.report.target import target_text
from memstat.results import Peak, RunResult, SamplingStats
from memstat.text import plural, printable, signal_name
from memstat.units import format_bracket, format_duration, format_elapsed, format_size

_LONGEST_TITLE: Final = 200


class Recorded(Protocol):
    """What a heading says of a recording."""

    @property
    def header(self) -> Header: ...
    @property
    def peak(self) -> Peak | None: ...
    @property
    def stats(self) -> SamplingStats: ...
    @property
    def result(self) -> RunResult | None: ...
    @property
    def remarks(self) -> Sequence[str]: ...


def heading_of(recording: Recorded, course: Course) -> Heading:
    """Return command, host, time, end and peak of a recording, and what has to be known of it."""
    header, peak = recording.header, recording.peak
    where = [printable(header.host.name), _when(header.unix_time_s), _end(recording, course)]
    facts = [" · ".join(where)]
    if peak is not None:
        bracket = peak_bracket(peak)
        when = f"at {format_elapsed(peak.elapsed_s)}"
        between = f", {bracket}" if bracket else ""
        facts.append(f"peak {format_size(peak.pss_bytes)} {when}{between} · {_samples(recording)}")
    return Heading(_shortened(target_text(header)), [*facts, *_legend(course)], recording.remarks)


def heading_of_several(
    recordings: Sequence[Recorded], names: Sequence[str], course: Course | None
) -> Heading:
    """Return the same of recordings that are stacked, or without a course laid over each other."""
    titles = [*dict.fromkeys(target_text(recording.header) for recording in recordings)]
    started = min(recording.header.unix_time_s for recording in recordings)
    facts = [f"{plural(len(recordings), 'recording', 'recordings')} · {_when(started)}"]
    if course is not None:
        peak = course.peak
        low, high = peak.pss_low_bytes, peak.pss_high_bytes
        between = f", {format_bracket(low, high)}" if is_wide(low, high) else ""
        when = format_elapsed(peak.elapsed_s)
        facts.append(f"peak of the sum {format_size(peak.pss_bytes)} at {when}{between}")
    remarks = [
        f"{name}: {remark}"
        for name, recording in zip(names, recordings, strict=True)
        for remark in recording.remarks
    ]
    facts += [] if course is None else _legend(course)
    return Heading(_shortened(", ".join(titles)), facts, remarks)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 3]}..."


def _when(unix_time_s: float) -> str:
    return datetime.fromtimestamp(unix_time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _end(recording: Recorded, course: Course) -> str:
    result = recording.result
    if result is None:
        return format_duration(course.end_s)
    took = format_duration(result.duration_s)
    if result.signal is not None:
        return f"killed by {signal_name(result.signal)} after {took}"
    return f"exit code {result.exit_code} after {took}"


def _samples(recording: Recorded) -> str:
    stats = recording.stats
    parts = [plural(stats.samples, "sample", "samples")]
    if stats.missed_ticks:
        parts.append(f"{plural(stats.missed_ticks, 'tick', 'ticks')} missed")
    if stats.incomplete_samples:
        parts.append(f"{stats.incomplete_samples} incomplete")
    if stats.torn_samples:
        parts.append(f"{stats.torn_samples} uncertain")
    return ", ".join(parts)


def _legend(course: Course) -> list[str]:
    """Return what grey, dashes and stripes mean, in a line where there are any."""
    parts = []
    if course.has_bounds:
        parts += ["grey: up to the upper bound of the total", "dashed: its lower bound"]
    if course.gaps:
        parts.append("striped: no samples")
    return ["; ".join(parts)] if parts else []
