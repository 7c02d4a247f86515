"""What is stacked in a chart: at most thirty bands, and all the rest in one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, zip_longest
from typing import Final, NamedTuple

from memstat.charts.colours import REST, shade
from memstat.charts.course import Course
from memstat.charts.frames import UNKNOWN, Frame, Process
from memstat.report.entries import kind_of
from memstat.text import plural, printable

MOST: Final = 30
_PIXELS: Final = 400
"""How high a chart is, more or less: what is less than this part of it cannot be seen."""


class By(StrEnum):
    """What a band stands for.

    >>> By("program").value
    'program'
    """

    PROCESS = "process"
    PROGRAM = "program"
    RECORDING = "recording"


class Band(NamedTuple):
    """A part of the total over time."""

    label: str
    colour: str
    sizes: Sequence[int]
    """In bytes, for each frame."""


@dataclass(slots=True)
class Group:
    """What one band may be: a process, or all of a program or of a recording."""

    key: Hashable
    program: Hashable
    """Groups of a program have one hue and are stacked upon each other."""
    first: Process
    names: set[str] = field(default_factory=set)
    members: set[Process] = field(default_factory=set)
    at_peak_bytes: int = 0
    most_bytes: int = 0
    sum_bytes: int = 0
    """Over all frames."""


_KEY_OF: Final[Mapping[By, Callable[[Process], Hashable]]] = {
    By.PROCESS: lambda process: process,
    By.PROGRAM: lambda process: kind_of(process.name),
    By.RECORDING: lambda process: process.source,
}


def ranked(course: Course, by: By) -> list[Group]:
    """Return what a chart may show, in the order in which it is to get a band of its own.

    First is what had most at the peak, second what had most of itself at any time, and so on in
    turns: a look at the peak alone misses what was large before.
    """
    groups, peak = _groups(course, by), course.peak
    for frame, sizes in _sizes(course, by):
        for key, size in sizes.items():
            group = groups[key]
            group.most_bytes = max(group.most_bytes, size)
            group.sum_bytes += size
            if frame is peak:
                group.at_peak_bytes = size
    # Equal ones stay in the order in which they were first seen.
    at_peak = sorted(groups.values(), key=lambda group: -group.at_peak_bytes)
    at_most = sorted(groups.values(), key=lambda group: -group.most_bytes)
    present = [group for group in at_peak if group.at_peak_bytes]
    in_turns = chain.from_iterable(zip_longest(present, at_most))
    return [*{id(group): group for group in in_turns if group is not None}.values()]


def _groups(course: Course, by: By) -> dict[Hashable, Group]:
    key_of = _KEY_OF[by]
    groups: dict[Hashable, Group] = {}
    for process in dict.fromkeys(entry.process for entry in course.entries):
        key = key_of(process)
        program = key if by is By.RECORDING else kind_of(process.name)
        group = groups.setdefault(key, Group(key, program, process))
        group.names.add(process.name)
        group.members.add(process)
    return groups


def _sizes(course: Course, by: By) -> Iterator[tuple[Frame, dict[Hashable, int]]]:
    """Yield each frame with what its groups have."""
    keys = [_KEY_OF[by](entry.process) for entry in course.entries]
    for frame in course.frames:
        sizes: dict[Hashable, int] = {}
        for number, size in zip(frame.entries, frame.pss, strict=True):
            if size != UNKNOWN:
                key = keys[number]
                sizes[key] = sizes.get(key, 0) + size
        yield frame, sizes


def natural(course: Course, sources: Sequence[str]) -> By:
    """Return what shows most: processes, or programs where most of the chart would be one band.

    Of several recordings, their parts.
    """
    if len(sources) > 1:
        return By.RECORDING
    groups = ranked(course, By.PROCESS)
    shown = groups if len(groups) <= MOST else groups[: MOST - 1]
    everything = sum(group.sum_bytes for group in groups)
    has_most = 2 * sum(group.sum_bytes for group in shown) >= everything
    return By.PROCESS if has_most else By.PROGRAM


def bands_of(course: Course, by: By, sources: Sequence[str], *, most: int = MOST) -> list[Band]:
    """Return the bands of a chart from the bottom up; their sizes add up to the totals.

    >>> from memstat.charts.course import course_of
    >>> from memstat.charts.joining import moments
    >>> from memstat.testing import snapshot_of
    >>> course = course_of(moments([snapshot_of({1: 5, 2: 9, 3: 1, 4: 1})], 0.1))
    >>> [(band.label, *band.sizes) for band in bands_of(course, By.PROCESS, [""], most=3)]
    [('p1 [1]', 5), ('p2 [2]', 9), ('2 others', 2)]
    """
    groups = ranked(course, by)
    shown = _shown(groups, max(frame.pss_bytes for frame in course.frames), most)
    others = len(groups) - len(shown)
    places = {group.key: place for place, group in enumerate(_stacked(shown))}
    columns = [[0] * len(course.frames) for _ in range(len(places) + bool(others))]
    for at, (_, sizes) in enumerate(_sizes(course, by)):
        for key, size in sizes.items():
            columns[places.get(key, -1)][at] += size
    labels = [label_of(group, by, sources) for group in _stacked(shown)]
    rest = [plural(others, "other", "others")] if others else []
    colours = [*_colours(_stacked(shown)), *([REST] if others else [])]
    return [*map(Band, [*labels, *rest], colours, columns)]


def _shown(groups: Sequence[Group], top_bytes: int, most: int) -> Sequence[Group]:
    """Return those with a band of their own: that are ever as high as a pixel, unless none is."""
    seen = [group for group in groups if group.most_bytes * _PIXELS >= top_bytes] or groups
    return seen if len(seen) == len(groups) <= most else seen[: most - 1]


def _stacked(groups: Sequence[Group]) -> list[Group]:
    """Return groups from the bottom up: by program, those that started first below."""
    programs = {group.program: place for place, group in reversed([*enumerate(groups)])}
    return sorted(
        groups,
        key=lambda group: (programs[group.program], group.first.start_ticks, group.first.pid),
    )


def _colours(groups: Sequence[Group]) -> Iterator[str]:
    programs: dict[Hashable, list[Group]] = {}
    for group in groups:
        members = programs.setdefault(group.program, [])
        members.append(group)
        yield shade(len(programs) - 1, len(members) - 1)


def label_of(group: Group, by: By, sources: Sequence[str]) -> str:
    """Return what a group is called; of several recordings, with that which has it."""
    first = group.first
    if by is By.RECORDING:
        return printable(sources[first.source])
    if by is By.PROGRAM:
        name = first.name if len(group.names) == 1 else f"{group.program}*"
        count = len(group.members)
        return printable(name) if count == 1 else f"{printable(name)} x {count}"
    where = f" {sources[first.source]}" if len(sources) > 1 else ""
    return printable(f"{first.name} [{first.pid}]{where}")
