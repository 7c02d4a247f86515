"""One line that shows how far a series of steps has come."""

from __future__ import annotations

from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from memstat.text import printable


class StepProgress:
    """Drawn when a step begins, and gone at the end; a step under way counts as not done."""

    def __init__(self, terminal: TextIO, total: int) -> None:
        self._progress = Progress(
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            console=Console(file=terminal, highlight=False),
            transient=True,
            expand=True,
            # No thread: what shows the steps says when there is something new.
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=total)
        self._begun = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, what: str) -> None:
        """Show that the next step has begun."""
        self._progress.update(
            self._task, completed=self._begun, description=printable(what), refresh=True
        )
        self._begun += 1

    def refresh(self) -> None:
        """Show how long it has taken by now."""
        self._progress.refresh()
