"""All that a chart shows, before it is a specification, a picture or a page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memstat.charts.course import Course
from memstat.mappings import Mappings


class Instant(NamedTuple):
    """A named instant: a mark."""

    elapsed_s: float
    name: str


class Limit(NamedTuple):
    """A size that is not to be exceeded."""

    size_bytes: int
    name: str


class Heading(NamedTuple):
    """What was measured. Names are made printable."""

    title: str
    """The command, or the processes that were watched."""
    facts: Sequence[str]
    """Where, when and how long; the peak with its bounds."""
    remarks: Sequence[str]
    """What a reader has to know: the recording was cut off, snapshots are missing."""


class Chart(NamedTuple):
    """One chart: of a recording, or of several that are stacked by their clocks."""

    heading: Heading
    course: Course
    sources: Sequence[str]
    """What the recordings are called, where there are several."""
    marks: Sequence[Instant] = ()
    limits: Sequence[Limit] = ()
    mappings: Mappings | None = None
    """What the memory consisted of near the peak, where that was recorded."""


class Overlay(NamedTuple):
    """Several recordings that are laid over each other, each from its own start."""

    heading: Heading
    charts: Sequence[Chart]
