"""A view that stays in place on a terminal while text scrolls past above it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Final, TextIO

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.text import Text

from memstat.model import ProcessKey
from memstat.report.board import View
from memstat.report.table import dashboard, total_line

_FALLBACK_SIZE: Final = os.terminal_size((80, 24))


def can_be_live(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class LiveDisplay:
    """Keeps the newest view at the bottom of a terminal. For any thread; each call may block on it.

    The view takes at most ``share_of_height`` of the screen; with ``one_line``, a single line.
    """

    def __init__(
        self, stream: TextIO, *, one_line: bool = False, share_of_height: float = 1.0
    ) -> None:
        self._stream = stream
        self._one_line = one_line
        self._share_of_height = share_of_height
        self._ascii_only = not stream.encoding.lower().startswith("utf")
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._frame = _Rendered([])
        self._unfinished = ""
        self._live = self._new_live()
        self._lock = threading.RLock()

    def start(self) -> None:
        """Take the terminal: hide the cursor and show the last view, if there is one."""
        with self._lock:
            self._live = self._new_live()
            self._live.start(refresh=True)

    def stop(self) -> None:
        """Give the terminal back: remove the view and show the cursor."""
        with self._lock:
            self._live.stop()

    def draw(self, view: View, command_lines: Mapping[ProcessKey, str]) -> None:
        """Show a view in place of the last one."""
        with self._lock:
            # Rendered once: text that scrolls past redraws it often, and need not compute it.
            frame = self._render(view, command_lines)
            self._frame = _Rendered(self._console.render_lines(frame, pad=False))
            self._live.update(self._with_unfinished(), refresh=True)

    def scroll(self, text: str, unfinished: str = "") -> None:
        """Let finished lines scroll past above the view, an unfinished one stand between."""
        with self._lock:
            self._unfinished = unfinished
            self._live.update(self._with_unfinished())
            self._console.print(_Raw(text), end="", soft_wrap=True)

    def leave(self, view: View, command_lines: Mapping[ProcessKey, str]) -> None:
        """Print a view that stays."""
        with self._lock:
            self._console.print(self._render(view, command_lines))

    def _new_live(self) -> Live:
        return Live(
            self._with_unfinished(),
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def _render(self, view: View, command_lines: Mapping[ProcessKey, str]) -> RenderableType:
        size = self._follow_size()
        if self._one_line:
            return total_line(view, width=size.columns, ascii_only=self._ascii_only)
        return dashboard(
            view,
            width=size.columns,
            height=int(size.lines * self._share_of_height),
            command_lines=command_lines,
            ascii_only=self._ascii_only,
        )

    def _with_unfinished(self) -> RenderableType:
        if not self._unfinished:
            return self._frame
        line = Text.from_ansi(self._unfinished, no_wrap=True, overflow="crop")
        line.truncate(self._console.width)
        return _Rendered([*self._console.render_lines(line, pad=False), *self._frame.lines])

    def _follow_size(self) -> os.terminal_size:
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except OSError:
            size = _FALLBACK_SIZE
        if 0 in size:
            size = _FALLBACK_SIZE
        self._console.size = size
        return size


class _Raw:
    """Text that goes to the terminal as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self._text)


class _Rendered:
    """Lines rendered before."""

    def __init__(self, lines: list[list[Segment]]) -> None:
        self.lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            yield from line
            yield Segment.line()
