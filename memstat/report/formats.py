"""The forms that a report may take. One of them is chosen, once, from the options. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from memstat.jsonlines import line, run_summary, snapshot_object, watch_summary
from memstat.model import Snapshot
from memstat.report import notes, plain, summary

if TYPE_CHECKING:  # A snapshot alone is reported without these classes.
    from memstat.mappings import Mappings
    from memstat.results import Peak, RunResult, SamplingStats

PeakMode = Literal["also", "never", "only"]
"""Whether the end of a run shows its peak: with the rest, not at all, or nothing else."""
OnExceed = Literal["kill", "fail", "warn"]
"""What a limit that was exceeded leads to."""


class Format(ABC):
    """Turns snapshots and results into text, without a newline at its end."""

    is_self_contained: ClassVar[bool] = False
    """Whether the summary of a run is for programs and complete: it is a result for stdout, and
    says itself what remarks would say."""
    is_for_people: ClassVar[bool] = False
    """Whether it is only for a terminal, which may have a live display then."""

    def __init__(self, *, verbose: bool = False) -> None:
        self.verbose: Final = verbose
        """Whether each measurement is shown in detail."""

    @property
    def lists_processes(self) -> bool:
        """Whether a snapshot is shown with each of its processes."""
        return True

    @property
    def on_terminal(self) -> Format:
        """What takes its place on a terminal."""
        return self

    def within(self, width: int | None) -> Format:  # noqa: ARG002 - only lines for people are broken
        """Return the same with lines that a terminal of so many columns need not break."""
        return self

    @abstractmethod
    def snapshot(self, snapshot: Snapshot) -> str:
        """Return one snapshot."""

    @abstractmethod
    def mappings(self, mappings: Mappings) -> str:
        """Return what the memory of a tree consists of."""

    @abstractmethod
    def run_summary(
        self, result: RunResult, *, peak: PeakMode = "also", on_exceed: OnExceed = "kill"
    ) -> str | None:
        """Return the end of a run; ``None`` when there is nothing to say."""

    @abstractmethod
    def watch_summary(
        self, peak: Peak | None, stats: SamplingStats, duration_s: float
    ) -> str | None:
        """Return the end of a watch; ``None`` when there is nothing to say."""


class Plain(Format):
    """Lines for pipes, logs and scripts, in kB.

    >>> from memstat.testing import snapshot_of
    >>> Plain().snapshot(snapshot_of({7: 2048}))
    'Total: 2 kB'
    """

    in_bytes: ClassVar[bool] = False

    @property
    def lists_processes(self) -> bool:
        return self.verbose

    @property
    def on_terminal(self) -> Format:
        return Readable(verbose=self.verbose)

    def snapshot(self, snapshot: Snapshot) -> str:
        return plain.block(snapshot, verbose=self.verbose, in_bytes=self.in_bytes)

    def mappings(self, mappings: Mappings) -> str:
        from memstat.report.mappings import mappings_block  # noqa: PLC0415 - seldom needed

        return mappings_block(mappings, verbose=self.verbose, in_bytes=self.in_bytes)

    def run_summary(
        self,
        result: RunResult,
        *,
        peak: PeakMode = "also",
        on_exceed: OnExceed = "kill",  # noqa: ARG002 - the remark on a limit says it
    ) -> str | None:
        top = None if peak == "never" or not result.peak else self.snapshot(result.peak.snapshot)
        if peak == "only":
            return top
        lines = [notes.exit_line(result)] if self.verbose else []
        lines += ["Peak:", top] if top else []
        return "\n".join(lines) or None

    def watch_summary(
        self,
        peak: Peak | None,
        stats: SamplingStats,  # noqa: ARG002 - remarks say what matters
        duration_s: float,  # noqa: ARG002
    ) -> str | None:
        return f"Peak:\n{self.snapshot(peak.snapshot)}" if peak else None


class Bytes(Plain):
    """The same lines with plain numbers.

    >>> from memstat.testing import snapshot_of
    >>> Bytes().snapshot(snapshot_of({7: 2048}))
    '2048'
    """

    in_bytes: ClassVar[bool] = True

    @property
    def on_terminal(self) -> Format:
        return self


class Readable(Plain):
    """Plain lines, and an end in a few lines with units: for people at a terminal."""

    is_for_people: ClassVar[bool] = True

    def __init__(self, *, verbose: bool = False, width: int | None = None) -> None:
        super().__init__(verbose=verbose)
        self._width = width

    def within(self, width: int | None) -> Format:
        return Readable(verbose=self.verbose, width=width)

    def mappings(self, mappings: Mappings) -> str:
        from memstat.report.mappings import mappings_text  # noqa: PLC0415 - seldom needed

        return mappings_text(mappings, self._width, verbose=self.verbose)

    def run_summary(
        self, result: RunResult, *, peak: PeakMode = "also", on_exceed: OnExceed = "kill"
    ) -> str | None:
        if peak == "also":
            return "\n".join(summary.run_summary_lines(result, self._width))
        return Plain.run_summary(self, result, peak=peak, on_exceed=on_exceed)

    def watch_summary(
        self,
        peak: Peak | None,
        stats: SamplingStats,
        duration_s: float,  # noqa: ARG002 - seen on the screen
    ) -> str | None:
        return "\n".join(summary.watch_summary_lines(peak, stats, self._width))


class Json(Format):
    """One object per line, for programs."""

    is_self_contained: ClassVar[bool] = True

    def snapshot(self, snapshot: Snapshot) -> str:
        return line(snapshot_object(snapshot))

    def mappings(self, mappings: Mappings) -> str:
        from memstat.mappings_json import mappings_object  # noqa: PLC0415 - seldom needed

        return line(mappings_object(mappings))

    def run_summary(
        self, result: RunResult, *, peak: PeakMode = "also", on_exceed: OnExceed = "kill"
    ) -> str | None:
        return line(run_summary(result, with_peak=peak != "never", on_exceed=on_exceed))

    def watch_summary(
        self, peak: Peak | None, stats: SamplingStats, duration_s: float
    ) -> str | None:
        return line(watch_summary(stats, peak, duration_s))
