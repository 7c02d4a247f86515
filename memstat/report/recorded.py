"""What a recording shows, as text for a terminal or a pipe. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.cells import cell_len

from memstat.mappings import Mappings
from memstat.model import Memory, Snapshot
from memstat.recording.header import Gap, Header
from memstat.recording.loading import Recording
from memstat.report.chart import chart_lines
from memstat.report.composition import composition_lines
from memstat.report.course import Course
from memstat.report.lines import filled, in_lines
from memstat.report.mappings import mappings_notes, mappings_text, mappings_title
from memstat.report.moments import mark_line
from memstat.report.notes import end_notes, floor_note, no_peak_reason, peak_notes
from memstat.report.page import fitted
from memstat.report.programs import ProgramPeak, Programs
from memstat.report.scale import WIDTH, Scale, scale_for
from memstat.report.summary import end_text, peak_facts, sampling_facts
from memstat.report.target import target_text
from memstat.results import Mark, Peak, SamplingStats
from memstat.text import plural, printable
from memstat.units import format_duration, format_elapsed, format_size

_MOST_PROCESSES: Final = 24
_MOST_PROGRAMS: Final = 16
_AT_WIDTH: Final = 8
_TITLE: Final = "NAME"


def recorded_text(recording: Recording, width: int, *, ascii_only: bool = False) -> str:
    """Return a report for a terminal of so many columns, without a newline at its end.

    It has the command, the host and the time; the peak and how well it is known; the course of the
    total; the tree at the peak; and the programs by their own peaks.
    """
    course, programs = Course(), Programs()
    last: Snapshot | None = None
    for entry in recording.entries():
        match entry:
            case Snapshot():
                course.add(entry)
                programs.add(entry)
                last = entry
            case Gap():
                course.interrupt(entry.elapsed_s)
    sections = [
        heading_lines(recording.header, width),
        _ending_lines(recording, last, width),
    ]
    if (peak := recording.peak) is not None:
        scale = scale_for(peak.pss_bytes)
        marks = recording.marks
        chart = chart_lines(course, peak, marks, width, ascii_only=ascii_only)
        sections += [
            [f"PSS of all processes in {scale.unit}", *chart],
            [*_mark_lines(marks, width)],
            _peak_lines(peak, scale, width, ascii_only=ascii_only),
            _mapping_lines(recording.mappings, width),
            program_lines(programs.peaks(), scale, width, ascii_only=ascii_only),
        ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def heading_lines(header: Header, width: int) -> list[str]:
    """Return what was measured, where and when.

    >>> from memstat.recording.header import Host
    >>> header = Header("0.1.0", 0.0, 0.1, Host("node7", cpus=2), command=("make", "-j2"))
    >>> heading_lines(header, 80)
    ['make -j2', 'on node7, 2 CPUs', 'from 1970-01-01 00:00:00 UTC on, by memstat 0.1.0']
    """
    host = header.host
    facts = [
        f"on {printable(host.name)}",
        f"Linux {printable(host.kernel)}" if host.kernel else "",
        plural(host.cpus, "CPU", "CPUs") if host.cpus else "",
        f"{format_size(host.memory_bytes)} of memory" if host.memory_bytes else "",
        f"at most {format_size(host.cgroup_limit_bytes)} for its control group"
        if host.cgroup_limit_bytes
        else "",
    ]
    began = datetime.fromtimestamp(header.unix_time_s, UTC)
    when = [f"from {began:%Y-%m-%d %H:%M:%S} UTC on", f"by memstat {printable(header.memstat)}"]
    return [
        *in_lines([target_text(header)], " ", width),
        *in_lines([fact for fact in facts if fact], ", ", width),
        *in_lines(when, ", ", width),
    ]


def _ending_lines(recording: Recording, last: Snapshot | None, width: int) -> list[str]:
    """Return the peak, the end, and every reason to doubt them."""
    peak, result, stats = recording.peak, recording.result, recording.stats
    duration_s = result.duration_s if result else last.elapsed_s if last else 0.0
    after = format_elapsed(duration_s)
    reason = f"Peak: {no_peak_reason(duration_s, last, 'the target')}"
    doubts = peak_notes(peak, stats, bracket_is_shown=True) if peak else []
    ends = [floor_note(result), *end_notes(result)] if result else []
    return [
        *(in_lines(peak_facts(peak), " ", width) if peak else _filled(reason, width)),
        f"{end_text(result)} after {after}" if result else f"Measured for {after}",
        *in_lines([*sampling_facts(stats), *_defects(stats)], ", ", width),
        *(
            line
            for note in (*doubts, *filter(None, ends), *recording.remarks)
            for line in _filled(f"Note: {note}", width)
        ),
    ]


def _defects(stats: SamplingStats) -> Iterator[str]:
    """Yield what a peak may have missed."""
    if stats.longest_gap_s is not None:
        yield f"the longest gap {format_duration(stats.longest_gap_s)}"
    if stats.incomplete_samples:
        yield f"{stats.incomplete_samples} incomplete"
    if stats.torn_samples:
        yield f"{stats.torn_samples} torn"


def _filled(text: str, width: int) -> list[str]:
    return filled(printable(text), width)


def _mark_lines(marks: Sequence[Mark], width: int) -> Iterator[str]:
    for number, mark in enumerate(marks, 1):
        since = printable(marks[number - 2].name) if number > 1 else "the start"
        safe = Mark(printable(mark.name), mark.elapsed_s, mark.peak)
        yield from _filled(f"{number}  {mark_line(safe, since)}", width)


def _peak_lines(peak: Peak, scale: Scale, width: int, *, ascii_only: bool) -> list[str]:
    count = plural(len(peak.snapshot.processes), "process", "processes")
    return [
        f"At the peak: {count} at {format_elapsed(peak.elapsed_s)}",
        *composition_lines(
            peak.snapshot, scale, width=width, height=_MOST_PROCESSES, ascii_only=ascii_only
        ),
    ]


def _mapping_lines(mappings: Mappings | None, width: int) -> list[str]:
    """Return what the memory consisted of, where that was recorded."""
    if mappings is None:
        return []
    return [
        mappings_title(mappings),
        *mappings_text(mappings, width).splitlines(),
        *(line for note in mappings_notes(mappings) for line in _filled(f"Note: {note}", width)),
    ]


def program_lines(
    peaks: Sequence[ProgramPeak], scale: Scale, width: int, *, ascii_only: bool = False
) -> list[str]:
    """Return a table of the programs with the largest peaks.

    >>> program = ProgramPeak("cc1", 9, Memory(pss_bytes=6 << 20), 2.5, Memory(pss_bytes=4 << 20))
    >>> for line in program_lines([program], scale_for(8 << 20), 60):
    ...     print(line)
    Programs by their own peaks, in MiB
    NAME       PEAK       AT     ONE
    cc1 x 9     6.0    2.5 s     4.0
    """
    names = [_name(peak) for peak in peaks[:_MOST_PROGRAMS]]
    room = max(1, width - 2 * (WIDTH + 1) - _AT_WIDTH - 1)
    name_width = min(room, max([len(_TITLE), *map(cell_len, names)]))
    lines = [f"{_TITLE:<{name_width}} {'PEAK':>{WIDTH}} {'AT':>{_AT_WIDTH}} {'ONE':>{WIDTH}}"]
    for peak, name in zip(peaks, names, strict=False):
        shown = fitted(name, name_width, ascii_only=ascii_only)
        sizes = _size(peak.together, scale), _size(peak.largest, scale)
        at = format_elapsed(peak.elapsed_s)
        lines.append(f"{shown} {sizes[0]:>{WIDTH}} {at:>{_AT_WIDTH}} {sizes[1]:>{WIDTH}}")
    if left_out := peaks[_MOST_PROGRAMS:]:
        lines.append(f"{plural(len(left_out), 'other', 'others')}, none larger")
    return [f"Programs by their own peaks, in {scale.unit}", *lines]


def _name(peak: ProgramPeak) -> str:
    count = f" x {peak.processes}" if peak.processes > 1 else ""
    return f"{printable(peak.name)}{count}"


def _size(memory: Memory, scale: Scale) -> str:
    if scale.shows_difference(memory.pss_low_bytes, memory.pss_high_bytes):
        return scale.estimate(memory.pss_bytes)
    return scale.text(memory.pss_bytes)
