"""The live part of ``memstat get -w``."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Final, Protocol

import anyio
from anyio import to_thread

from memstat.api import Watch, watch_scope
from memstat.background import beside
from memstat.cli.interrupt import die_of_interrupts
from memstat.cli.output import Output
from memstat.model import Snapshot
from memstat.proc.descriptors import raise_descriptor_limit
from memstat.proc.tree import Scope
from memstat.report import jsonlines, notes, plain

_STOPPED_BY: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class WatchReport(Protocol):
    """Tells of snapshots as they come, and of the end."""

    async def follow(self, watched: Watch) -> None:
        """Show snapshots until there are no more."""
        ...

    async def conclude(self, watched: Watch) -> None:
        """Tell the peak."""
        ...


@dataclass(slots=True)
class LineReport:
    """Writes snapshots and the peak as lines."""

    out: Output
    err: Output
    verbose: bool
    in_bytes: bool
    as_json: bool
    _told_partial: bool = field(default=False, init=False)

    async def follow(self, watched: Watch) -> None:
        async for snapshot in watched:
            await to_thread.run_sync(self._show, snapshot)

    async def conclude(self, watched: Watch) -> None:
        await to_thread.run_sync(self._tell_end, watched)

    def _show(self, snapshot: Snapshot) -> None:
        note = notes.denied_note(snapshot)
        if note and not self._told_partial:
            self._told_partial = True
            self.err.try_write(f"memstat: {note}")
        self.out.write(self._format(snapshot))

    def _tell_end(self, watched: Watch) -> None:
        peak, stats, last = watched.peak, watched.stats, watched.latest
        duration_s = last.elapsed_s if last else 0.0
        if self.as_json:
            self.out.write(jsonlines.line(jsonlines.watch_summary(stats, peak, duration_s)))
        if peak is None:
            self.err.try_write(f"Peak: {notes.no_peak_reason(duration_s, last, 'the target')}")
            return
        if not self.as_json:
            self.out.write(f"Peak:\n{self._format(peak.snapshot)}")
        for note in notes.peak_notes(peak, stats):
            self.err.try_write(f"memstat: {note}")

    def _format(self, snapshot: Snapshot) -> str:
        if self.as_json:
            return jsonlines.line(jsonlines.snapshot_object(snapshot))
        return plain.block(snapshot, verbose=self.verbose, in_bytes=self.in_bytes)


def watch_and_report(scope: Scope, report: WatchReport, interval_s: float) -> int:
    """Show snapshots until the targets have ended or a signal comes; return the exit status."""
    raise_descriptor_limit()

    async def session() -> int:
        try:
            return await watch()
        finally:
            die_of_interrupts()

    async def watch() -> int:
        with anyio.open_signal_receiver(*_STOPPED_BY) as signals:
            async with watch_scope(scope, interval_s) as watched:
                stopped_by: list[int] = []

                async def stop_on_signal() -> None:
                    async for signum in signals:
                        stopped_by.append(signum)
                        watched.stop()
                        # A second one must get through, even when our output is stuck.
                        signal.signal(signum, signal.SIG_DFL)

                async with beside(stop_on_signal):
                    await report.follow(watched)
                    await report.conclude(watched)
        return 128 + stopped_by[0] if stopped_by else 0

    return anyio.run(session)
