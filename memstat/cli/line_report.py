"""Snapshots as lines while something is measured, and the end."""

from __future__ import annotations

from typing import Final

from memstat.background import in_thread
from memstat.cli.output import Output
from memstat.deferred import undated
from memstat.model import Snapshot
from memstat.report import notes
from memstat.report.ending import Ending, Style
from memstat.sampling.observation import Observation
from memstat.sampling.spacing import spaced

_FEW: Final = 64
"""The text of so many processes is made in less than a millisecond."""


class LineReport:
    """Writes what a style asks for to stdout or stderr."""

    def __init__(self, style: Style, out: Output, err: Output, *, apart_s: float = 0.0) -> None:
        """Snapshots that came sooner than ``apart_s`` after the last one are left out."""
        self.style = style
        self.out = out
        self.err = err
        self.apart_s = apart_s
        self._warnings: set[str] = set()

    async def follow(self, observed: Observation) -> None:
        """Write snapshots until there are no more. Raises OutputError as ``show`` does."""
        if not self.style.streams_snapshots:
            await observed.ended()
            return
        async for snapshot in spaced(observed, self.apart_s):
            if not self._show_at_once(snapshot):
                await in_thread(self.show, snapshot)

    def _show_at_once(self, snapshot: Snapshot) -> bool:
        """Write a snapshot of which the text is soon made, if it needs no wait; whether it did.

        To wake a thread for it would take longer than all else that a tick does.
        """
        is_long = self.style.format.lists_processes and len(undated(snapshot)) > _FEW
        if is_long or (self.style.is_filter and not snapshot.complete):
            return False
        return self._results.write_at_once(self.style.format.snapshot(snapshot))

    def show(self, snapshot: Snapshot) -> None:
        """Write a snapshot, if they are wanted. Raises OutputError when the report is a filter."""
        style = self.style
        if not style.streams_snapshots:
            return
        if style.is_filter:
            self._warn_once(snapshot)
            self._results.write(style.format.snapshot(snapshot))
        else:
            # A reader that leaves must not end the command: the end fails instead.
            self._results.try_write(style.format.snapshot(snapshot))

    async def warn(self, note: str) -> None:
        """Write at once what cannot wait for the end."""
        await in_thread(self.err.remark, note)

    async def limit_patience_after(self, observed: Observation) -> None:
        """Once all is measured, wait some seconds for readers of the report and no longer."""
        try:
            await observed.ended()
        finally:
            self.out.limit_patience()
            self.err.limit_patience()

    def conclude(self, ending: Ending) -> None:
        """Write the end. Raises OutputError when a result that is required cannot be written."""
        if ending.result is not None:
            if self.style.requires_result:
                self._results.write(ending.result)
            else:
                self._results.try_write(ending.result)
        if ending.no_peak is not None:
            self.err.try_write(ending.no_peak)
        for remark in ending.remarks:
            self.err.remark(remark)
        if ending.exceeding is not None:
            self.err.try_write(ending.exceeding)

    @property
    def width(self) -> int | None:
        """The columns of the terminal that the end is written to; ``None`` elsewhere."""
        return self._results.width

    @property
    def _results(self) -> Output:
        return self.out if self.style.results_on_stdout else self.err

    def _warn_once(self, snapshot: Snapshot) -> None:
        for kind, note in notes.partial_notes(snapshot).items():
            if kind not in self._warnings:
                self._warnings.add(kind)
                self.err.remark(note)
