"""The end of a run or a watch: from a result and a style to what is printed, and where. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Final, NamedTuple

from memstat.model import Snapshot
from memstat.report import notes, plain
from memstat.report.formats import Format, OnExceed, PeakMode
from memstat.results import Peak, RunResult, SamplingStats


class Style(ABC):
    """What a report is to be like, chosen once from the command line."""

    is_filter: ClassVar[bool]
    """Whether the report ends, as an error, when its snapshots cannot be written."""

    def __init__(self, *, format: Format, peak: PeakMode = "also") -> None:  # noqa: A002 - as the attribute
        self.format: Final = format
        """The form of snapshots and summaries."""
        self.peak: Final = peak
        """Whether the end shows the peak."""

    @property
    @abstractmethod
    def results_on_stdout(self) -> bool:
        """Whether snapshots and the result go to stdout, not to stderr."""

    @property
    @abstractmethod
    def streams_snapshots(self) -> bool:
        """Whether each snapshot is written as it comes."""

    @property
    def shows_table(self) -> bool:
        """Whether a terminal shows a live table, with a row per process."""
        return self.format.is_for_people and self.format.verbose

    @property
    def shows_bracket(self) -> bool:
        """Whether the end has the bounds of the peak, so that no remark need state them."""
        return self.format.is_self_contained or (self.format.is_for_people and self.peak == "also")

    @property
    def requires_result(self) -> bool:
        """Whether it is an error when the result cannot be written."""
        return self.results_on_stdout and not self.format.is_for_people


class RunStyle(Style):
    """The report of ``memstat run``: stdout is the command's, unless it is to be a result."""

    is_filter: ClassVar[bool] = False

    def __init__(
        self,
        *,
        format: Format,  # noqa: A002 - as the attribute
        peak: PeakMode = "also",
        on_exceed: OnExceed = "kill",
        in_file: bool = False,
    ) -> None:
        super().__init__(format=format, peak=peak)
        self.on_exceed: Final = on_exceed
        """What a limit that was exceeded leads to."""
        self.in_file: Final = in_file
        """Whether all of it goes to a file of its own: stdout and stderr are the command's then."""

    @property
    def results_on_stdout(self) -> bool:
        return not self.in_file and (self.format.is_self_contained or self.peak == "only")

    @property
    def streams_snapshots(self) -> bool:
        return self.format.verbose and (self.format.is_self_contained or self.peak != "only")


class WatchStyle(Style):
    """The report of ``memstat get -w``: it is all there is on stdout."""

    is_filter: ClassVar[bool] = True

    @property
    def results_on_stdout(self) -> bool:
        return True

    @property
    def streams_snapshots(self) -> bool:
        return True


class Ending(NamedTuple):
    """The end of a report, in the order in which it is printed."""

    result: str | None = None
    """What was asked for, to the stream for results; ``None`` when there is nothing."""
    no_peak: str | None = None
    """A line for stderr that stands for the peak, where there is none."""
    remarks: tuple[str, ...] = ()
    """What a reader must know beside it: lines for stderr, without ``memstat:``."""
    exceeding: str | None = None
    """The processes that exceeded the limit, for stderr below the remarks."""


def run_ending(result: RunResult, style: RunStyle, width: int | None = None) -> Ending:
    """Return the end of a run, for a terminal of so many columns if there is one.

    >>> from memstat.report.formats import Bytes
    >>> from memstat.testing import snapshot_of
    >>> stats = SamplingStats(0.1, 50, 0, 0, 0.1, 0.001, 0.002)
    >>> result = RunResult(("true",), 0, None, 1.5, stats, Peak(2048, snapshot_of({7: 2048})))
    >>> run_ending(result, RunStyle(format=Bytes(), peak="only")).result
    '2048'
    """
    return Ending(
        result=style.format.within(width).run_summary(
            result, peak=style.peak, on_exceed=style.on_exceed
        ),
        no_peak=_missing_run_peak(result, style),
        remarks=(*_run_remarks(result, style), *_limit_remarks(result, style)),
        exceeding=_exceeding(result, style),
    )


def watch_ending(
    peak: Peak | None,
    stats: SamplingStats,
    last: Snapshot | None,
    style: WatchStyle,
    width: int | None = None,
) -> Ending:
    """Return the end of a watch of which ``last`` is the last snapshot; ``width`` as for a run."""
    duration_s = last.elapsed_s if last else 0.0
    is_explained = peak is not None or style.format.is_for_people
    remarks = notes.peak_notes(peak, stats, bracket_is_shown=style.shows_bracket)
    reason = notes.no_peak_reason(duration_s, last, "the target")
    return Ending(
        result=style.format.within(width).watch_summary(peak, stats, duration_s),
        no_peak=None if is_explained else f"Peak: {reason}",
        remarks=tuple(remarks) if is_explained else (),
    )


def _missing_run_peak(result: RunResult, style: RunStyle) -> str | None:
    is_explained = style.format.is_self_contained or (
        style.format.is_for_people and style.peak == "also"
    )
    if result.peak is not None or style.peak == "never" or is_explained:
        return None
    return f"Peak: {notes.no_peak_reason(result.duration_s, result.last)}"


def _run_remarks(result: RunResult, style: RunStyle) -> Iterator[str]:
    """Yield the doubts about the peak, and what else happened at the end."""
    if style.format.is_self_contained or style.peak == "never":
        return
    if result.peak is not None:
        yield from notes.peak_notes(result.peak, result.stats, bracket_is_shown=style.shows_bracket)
        yield from notes.partial_sample_notes(result.partial, result.peak)
        if note := notes.uncounted_note(result.uncounted_descendants or 0):
            yield note
    if note := notes.floor_note(result):
        yield note
    if style.peak == "also":
        yield from notes.end_notes(result)


def _limit_remarks(result: RunResult, style: RunStyle) -> Iterator[str]:
    if result.limit is None or _is_for_programs_alone(style):
        return
    if result.limit.exceeded:
        yield notes.limit_note(result.limit, result.limit.exceeded)
    elif result.peak and (note := notes.uncertain_limit_note(result.limit, result.peak)):
        yield note


def _exceeding(result: RunResult, style: RunStyle) -> str | None:
    if not (result.limit and result.limit.exceeded) or _is_for_programs_alone(style):
        return None
    return plain.block(result.limit.exceeded, verbose=True, in_bytes=False)


def _is_for_programs_alone(style: RunStyle) -> bool:
    """Whether the summary, which says it all, shares its file with no line for people."""
    return style.in_file and style.format.is_self_contained
