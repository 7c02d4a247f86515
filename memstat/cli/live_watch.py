"""``memstat get -w`` on a terminal: a dashboard with ``-v``, else one line that stays in place."""

from __future__ import annotations

from typing import TextIO

from anyio import to_thread

from memstat.api import Watch
from memstat.cli.output import Output
from memstat.report import notes
from memstat.report.summary import watch_summary_lines
from memstat.terminal.dashboard import Dashboard
from memstat.terminal.display import LiveDisplay


class LiveWatchReport:
    """Shows a view while the targets live, and leaves it as it was at the peak."""

    def __init__(self, terminal: TextIO, out: Output, err: Output, *, verbose: bool) -> None:
        self._out, self._err = out, err
        self._verbose = verbose
        self._dashboard = Dashboard(LiveDisplay(terminal, one_line=not verbose))

    async def follow(self, watched: Watch) -> None:
        async with self._dashboard.on_screen(watched):
            await self._dashboard.follow(watched)

    async def conclude(self, watched: Watch) -> None:
        if self._verbose:
            await self._dashboard.leave_peak(watched)
        await to_thread.run_sync(self._tell_end, watched)

    def _tell_end(self, watched: Watch) -> None:
        for line in watch_summary_lines(watched.peak, watched.stats):
            self._out.try_write(line)
        for note in notes.peak_notes(watched.peak, watched.stats):
            self._err.try_write(f"memstat: {note}")
