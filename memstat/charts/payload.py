"""What the page knows of a chart: every instant with its whole tree, as small as it gets. Pure.

Sizes are kibibytes, each as its difference from that of the same process at the instant before, so
that what stays the same is a row of zeros. All totals are exact.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any

from memstat.charts.bands import By, Group, label_of, natural, ranked
from memstat.charts.chart import Chart
from memstat.charts.course import Course
from memstat.charts.frames import UNKNOWN, Frame, Process
from memstat.text import printable

Json = dict[str, Any]


def payload(chart: Chart) -> Json:
    """Return the course of a chart as values of JSON."""
    course = chart.course
    processes = {process: at for at, process in enumerate(_processes(course))}
    programs = ranked(course, By.PROGRAM)
    program_of = {member: at for at, group in enumerate(programs) for member in group.members}
    return {
        "title": chart.heading.title,
        "by": natural(course, chart.sources).value,
        "ms": _differences(round(frame.elapsed_s * 1000) for frame in course.frames),
        "end": max(round(course.end_s * 1000), round(course.start_s * 1000) + 1),
        "pss": [frame.pss_bytes for frame in course.frames],
        "low": [frame.pss_low_bytes for frame in course.frames],
        "high": [frame.pss_high_bytes for frame in course.frames],
        "peak": course.frames.index(course.peak),
        "sources": [printable(source) for source in chart.sources],
        "programs": [label_of(group, By.PROGRAM, chart.sources) for group in programs],
        "processes": [
            [process.source, process.pid, printable(process.name), program_of[process]]
            for process in processes
        ],
        "order": [processes[_only(group)] for group in ranked(course, By.PROCESS)],
        "entries": [
            [processes[entry.process], entry.ppid or 0, entry.depth, entry.status.value]
            for entry in course.entries
        ],
        "rows": _rows(course),
    }


def _processes(course: Course) -> Iterable[Process]:
    return dict.fromkeys(entry.process for entry in course.entries)


def _only(group: Group) -> Process:
    (process,) = group.members
    return process


def _rows(course: Course) -> list[list[list[int]]]:
    """Return for each entry the instants at which it is there, and its sizes then, by kind.

    Kinds are anonymous, file, shared, and the rest of PSS, of which no kind is known. Its last two
    bits say that PSS is an estimate, and that no parts are known.
    """
    # As arrays: of an hour of 300 processes there are two million.
    columns = [[array("q") for _ in range(5)] for _ in course.entries]
    for at, frame in enumerate(course.frames):
        for number, sizes in zip(frame.entries, _sizes(frame), strict=True):
            instants, anon, file, shmem, rest = columns[number]
            instants.append(at)
            anon.append(sizes[0])
            file.append(sizes[1])
            shmem.append(sizes[2])
            rest.append(sizes[3])
    return [[_differences(column) for column in entry] for entry in columns]


def _sizes(frame: Frame) -> Iterator[tuple[int, int, int, int]]:
    """Yield the parts of each PSS and the rest of it, in kibibytes.

    >>> from memstat.testing import snapshot_of
    >>> from memstat.charts.frames import Moment, Register
    >>> [*_sizes(Register().frame(Moment(0.0, (snapshot_of({7: 8192}),), 8192)))]
    [(8, 0, 0, 0)]
    """
    kinds = zip(frame.pss, frame.anon, frame.file, frame.shmem, frame.estimated, strict=True)
    for pss, anon, file, shmem, is_estimated in kinds:
        known = [max(0, size) >> 10 for size in (anon, file, shmem)]
        rest = (max(0, pss) + 512 >> 10) - sum(known)
        flags = is_estimated + 2 * (anon == UNKNOWN)
        yield known[0], known[1], known[2], 4 * rest + flags


def _differences(values: Iterable[int]) -> list[int]:
    """Return values as the first of them and what each adds to the one before.

    >>> _differences([5, 5, 7])
    [5, 0, 2]
    """
    last = 0
    differences = []
    for value in values:
        differences.append(value - last)
        last = value
    return differences
