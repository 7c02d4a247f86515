"""What ``memstat run`` writes: lines or JSON as the command runs, and the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anyio import to_thread

from memstat.cli.output import Output
from memstat.cli.redirection import Redirection
from memstat.model import RunResult, Snapshot
from memstat.report import jsonlines, notes, plain
from memstat.report.summary import run_summary_lines
from memstat.supervision.supervised import Supervised
from memstat.supervision.supervisor import Supervisor


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """What the report is to be like."""

    recursive: bool
    verbose: bool
    peak: Literal["also", "never", "only"]
    in_bytes: bool
    as_json: bool
    no_live: bool
    on_exceed: Literal["kill", "fail", "warn"] | None

    @property
    def result_on_stdout(self) -> bool:
        return self.as_json or self.peak == "only"

    @property
    def for_people(self) -> bool:
        """Whether a terminal may get another form than the one for scripts."""
        return not (self.result_on_stdout or self.in_bytes or self.no_live)

    @property
    def streams_snapshots(self) -> bool:
        return self.verbose and (self.as_json or self.peak != "only")


class RunReport:
    """Writes snapshots while the command runs, and the end."""

    def __init__(
        self, options: ReportOptions, redirection: Redirection, out: Output, err: Output
    ) -> None:
        self.redirection = redirection
        self._options = options
        self._result_output = out if options.result_on_stdout else err
        self._err = err
        self._uncounted = 0

    @property
    def _for_people(self) -> bool:
        return self._options.for_people and self._err.live_terminal is not None

    async def follow(self, running: Supervised) -> None:
        """Write snapshots until the command has ended."""
        async for snapshot in running:
            await to_thread.run_sync(self._show, snapshot)

    async def look_for_children(self, supervisor: Supervisor) -> None:
        """Count at each tick whom nobody asked to count, to say so at the end."""
        if self._options.recursive or not self._err.is_terminal:
            return
        async for _ in supervisor.supervised:
            children = await to_thread.run_sync(supervisor.count_descendants)
            self._uncounted = max(self._uncounted, children)

    async def warn(self, note: str) -> None:
        """Write at once what cannot wait for the end."""
        await to_thread.run_sync(self._err.try_write, f"memstat: {note}")

    def conclude(self, result: RunResult) -> None:
        """Write the end. Raises OutputError when a result for stdout could not be written."""
        options = self._options
        if options.as_json:
            summary = jsonlines.run_summary(
                result, with_peak=options.peak != "never", on_exceed=options.on_exceed or "kill"
            )
            self._tell(jsonlines.line(summary))
        elif options.peak == "only":
            self._tell_peak(result)
        else:
            self._tell_end(result)
        self._tell_limit(result)

    def _tell_limit(self, result: RunResult) -> None:
        exceeded = result.limit and result.limit.exceeded
        if result.limit and exceeded:
            self._err.try_write(f"memstat: {notes.limit_note(result.limit, exceeded)}")
            self._err.try_write(plain.block(exceeded, verbose=True, in_bytes=False))

    def _tell_end(self, result: RunResult) -> None:
        if self._for_people and self._options.peak != "never":
            for line in run_summary_lines(result):
                self._err.try_write(line)
            self._tell_doubts(result)
        else:
            if self._options.verbose:
                self._err.try_write(notes.exit_line(result))
            if self._options.peak != "never":
                self._tell_peak(result)
        if self._options.peak != "never":
            for note in notes.end_notes(result):
                self._err.try_write(f"memstat: {note}")

    def _tell_peak(self, result: RunResult) -> None:
        if result.peak is None:
            reason = notes.no_peak_reason(result.duration_s, result.last)
            self._err.try_write(f"Peak: {reason}")
            return
        text = self._format(result.peak.snapshot)
        self._tell(text if self._options.peak == "only" else f"Peak:\n{text}")
        self._tell_doubts(result)

    def _tell_doubts(self, result: RunResult) -> None:
        if result.peak is None:
            return
        doubts = notes.peak_notes(result.peak, result.stats)
        for note in [*doubts, notes.uncounted_note(self._uncounted)]:
            if note:
                self._err.try_write(f"memstat: {note}")

    def _show(self, snapshot: Snapshot) -> None:
        # Whoever does not want to read must not end the command: the end tells.
        if self._options.streams_snapshots:
            self._result_output.try_write(self._format(snapshot))

    def _tell(self, text: str) -> None:
        # A report that nobody reads is no reason to fail; a result for a script is.
        if self._options.result_on_stdout:
            self._result_output.write(text)
        else:
            self._result_output.try_write(text)

    def _format(self, snapshot: Snapshot) -> str:
        if self._options.as_json:
            return jsonlines.line(jsonlines.snapshot_object(snapshot))
        return plain.block(snapshot, verbose=self._options.verbose, in_bytes=self._options.in_bytes)
