"""From recordings to a chart."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from memstat.charts.chart import Chart, Instant, Limit, Overlay
from memstat.charts.course import Course, course_of
from memstat.charts.headings import heading_of, heading_of_several
from memstat.charts.joining import Source, joined, moments
from memstat.errors import ReportError
from memstat.recording.loading import Recording, load
from memstat.recording.members import lines_of
from memstat.text import printable

_TAIL_BYTES: Final = 1 << 17
_MEMBER: Final = b"\x1f\x8b\x08"


def gather(paths: Sequence[str]) -> Chart:
    """Return the chart of a recording, or of several that are stacked by their clocks.

    Raises RecordingError where one cannot be read, and ReportError where nothing was measured.
    """
    recordings = [load(path) for path in paths]
    if len(recordings) == 1:
        return _single(recordings[0], paths[0])
    sources = [
        Source(iter(recording), recording.header.interval_s, recording.header.unix_time_s)
        for recording in recordings
    ]
    course = _required(course_of(joined(sources)), paths)
    first_s = min(recording.header.unix_time_s for recording in recordings)
    offsets_s = [recording.header.unix_time_s - first_s for recording in recordings]
    names = _names(recordings, paths)
    return Chart(
        heading_of_several(recordings, names, course),
        course,
        names,
        marks=[
            Instant(mark.elapsed_s + offset_s, f"{printable(mark.name)} ({name})")
            for recording, offset_s, name in zip(recordings, offsets_s, names, strict=True)
            for mark in recording.marks
        ],
    )


def gather_overlaid(paths: Sequence[str]) -> Overlay:
    """Return a chart with the totals of several recordings, each from its own start.

    Raises RecordingError and ReportError as ``gather`` does.
    """
    recordings = [load(path) for path in paths]
    charts = [_single(recording, path) for recording, path in zip(recordings, paths, strict=True)]
    titles = _names(recordings, paths)
    charts = [
        chart._replace(heading=chart.heading._replace(title=title))
        for chart, title in zip(charts, titles, strict=True)
    ]
    return Overlay(heading_of_several(recordings, titles, None), charts)


def _single(recording: Recording, path: str) -> Chart:
    events = moments(iter(recording), recording.header.interval_s)
    course = _required(course_of(events, about_s=_about_s(path)), [path])
    marks = [Instant(mark.elapsed_s, printable(mark.name)) for mark in recording.marks]
    limits = [*_limits(recording)]
    return Chart(heading_of(recording, course), course, [""], marks, limits, recording.mappings)


def _required(course: Course | None, paths: Sequence[str]) -> Course:
    if course is None:
        raise ReportError(f"nothing was measured in {', '.join(paths)}: there is nothing to show")
    return course


def _names(recordings: Sequence[Recording], paths: Sequence[str]) -> list[str]:
    """Return what recordings are called: by their hosts, or by their files where those are one."""
    hosts = [printable(recording.header.host.name) for recording in recordings]
    if len({*hosts}) == len(hosts):
        return hosts
    files = [printable(os.path.basename(path)) for path in paths]
    return files if len({*files}) == len(files) else [printable(path) for path in paths]


def _limits(recording: Recording) -> Iterator[Limit]:
    result = recording.result
    if result is not None and result.limit is not None:
        yield Limit(result.limit.max_pss_bytes, "limit")
    if (size_bytes := recording.header.host.cgroup_limit_bytes) is not None:
        yield Limit(size_bytes, "limit of the control group")


def _about_s(path: str) -> float | None:
    """Return about how long a recording is, by its last lines; ``None`` where they do not say."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            tail = file.read(_TAIL_BYTES)
    except (OSError, ValueError):
        return None
    return next(filter(None, map(_latest_s, _starts(tail))), None)


def _starts(tail: bytes) -> Iterator[bytes]:
    """Yield what follows each start of a member of gzip, the last first; then all."""
    start = tail.rfind(_MEMBER)
    while start >= 0:
        yield tail[start:]
        start = tail.rfind(_MEMBER, 0, start)
    yield tail


def _latest_s(part: bytes) -> float | None:
    times_s = []
    for line in lines_of(iter([part])):
        with suppress(AttributeError, TypeError, ValueError):
            value = json.loads(line) if isinstance(line, bytes) else {}
            times_s.append(float(value.get("elapsed_s") or value.get("duration_s") or 0))
    return max(times_s, default=None)
