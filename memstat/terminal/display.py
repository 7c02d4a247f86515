"""A view that stays in place on a terminal while text scrolls past above it."""

from __future__ import annotations

import codecs
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.text import Text

from memstat.report.board import View
from memstat.report.table import dashboard, total_line
from memstat.terminal.writing import patient_text

_FALLBACK_SIZE: Final = os.terminal_size((80, 24))
_SUMMARY_LINES: Final = 8
_NO_WRAP: Final = "\x1b[?7l"
_WRAP: Final = "\x1b[?7h"
_ENCODING_ERRORS: Final = "memstat.keep_or_escape"


class LiveDisplay:
    """Keeps the newest view at the bottom of a terminal. For any thread; each call may block on it.

    The view takes at most ``share_of_height`` of the screen; with ``one_line``, a single line.
    Every call may raise OSError, when the terminal has gone.
    """

    def __init__(
        self, terminal: TextIO, *, one_line: bool = False, share_of_height: float = 1.0
    ) -> None:
        self._fd = terminal.fileno()
        self._encoding = terminal.encoding
        self._ascii_only = not terminal.encoding.lower().startswith("utf")
        self._one_line = one_line
        self._share_of_height = share_of_height
        self._console = Console(
            file=_stream_of_its_own(terminal), highlight=False, markup=False, emoji=False
        )
        self._size = _terminal_size(self._fd)
        self._console.size = self._size
        self._frame = _Rendered(())
        self._unfinished = ""
        self._live: Live | None = None
        self._lock = threading.RLock()

    @property
    def in_background(self) -> bool:
        """Whether the terminal is at the moment another job's (``bg`` of a shell)."""
        try:
            return os.tcgetpgrp(self._fd) != os.getpgrp()
        except OSError:
            return False  # Not the controlling terminal: no job disputes it.

    def follow_size(self) -> bool:
        """Take over the size of the terminal; return whether it has changed."""
        with self._lock:
            size = _terminal_size(self._fd)
            if size == self._size:
                return False
            if self._live is not None and size.columns < self._size.columns:
                self._climb_over_wrapped_lines(size.columns)
            self._size = self._console.size = size
            return True

    def draw(self, view: View) -> None:
        """Show a view in place of the last one; the cursor is hidden until ``stop``."""
        with self._lock:
            # Rendered once: text that scrolls past redraws it often, and need not compute it.
            height = int(self._size.lines * self._share_of_height)
            frame = self._render(view, height)
            self._frame = _Rendered(self._console.render_lines(frame, pad=False))
            if self._live is None:
                self._live = _new_live(self._console)
                self._live.start()
            with self._wrapping_again():
                self._console.control(_Sequence(_NO_WRAP))
                self._live.update(self._with_unfinished(), refresh=True)

    def scroll(self, text: bytes, unfinished: bytes = b"") -> None:
        """Let finished lines scroll past above the view, an unfinished one stand between."""
        with self._lock:
            self._unfinished = unfinished.decode(self._encoding, "replace")
            if self._live is not None:
                self._live.update(self._with_unfinished())
            raw = _Raw(text.decode(self._encoding, "surrogateescape") + _NO_WRAP)
            with self._wrapping_again():
                self._console.print(raw, end="", soft_wrap=True)

    def write_above(self, text: str) -> None:
        """Write finished lines above the view, and above an unfinished one."""
        with self._lock, self._wrapping_again():
            self._console.print(_Raw(text + _NO_WRAP), end="", soft_wrap=True)

    def stop(self) -> None:
        """Remove the view and give the terminal back. Harmless when repeated."""
        with self._lock:
            live, self._live = self._live, None
            if live is not None:
                live.stop()

    def leave(self, view: View) -> None:
        """Print a view that stays, with room for a summary below it on the same screen."""
        with self._lock:
            height = self._size.lines - _SUMMARY_LINES
            self._console.print(self._render(view, height))

    @contextmanager
    def _wrapping_again(self) -> Iterator[None]:
        """Write all in one piece, and let the terminal break long lines again after it.

        It must not break lines of the view: it may already be narrower than it was when last asked.
        Lines that it breaks when it becomes so are known from the last view; those it breaks later
        are not.
        """
        with self._console:
            try:
                yield
            finally:
                self._console.control(_Sequence(_WRAP))

    def _render(self, view: View, height: int) -> RenderableType:
        width = self._size.columns
        if self._one_line:
            return total_line(view, width=width, ascii_only=self._ascii_only)
        return dashboard(
            view,
            width=width,
            height=height,
            ascii_only=self._ascii_only,
        )

    def _with_unfinished(self) -> RenderableType:
        if not self._unfinished:
            return self._frame
        line = Text.from_ansi(self._unfinished, no_wrap=True, overflow="crop")
        line.truncate(self._size.columns)
        return _Rendered([*self._console.render_lines(line, pad=False), *self._frame.lines])

    def _climb_over_wrapped_lines(self, columns: int) -> None:
        """Erase what a terminal makes of lines for which it has become too narrow.

        It breaks them in two or more, so that the view stands on more lines than were drawn.
        """
        widths = map(Segment.get_line_length, self._frame.lines)
        wrapped = sum(max(0, width - 1) // columns for width in widths)
        erase_and_up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        self._console.control(Control(ControlType.CARRIAGE_RETURN, *erase_and_up * wrapped))


def _new_live(console: Console) -> Live:
    return Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _terminal_size(fd: int) -> os.terminal_size:
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        return _FALLBACK_SIZE
    return _FALLBACK_SIZE if 0 in size else size


def _stream_of_its_own(terminal: TextIO) -> TextIO:
    """Return a stream that lets what a program printed pass byte by byte, be it text or not."""
    return patient_text(terminal, errors=_ENCODING_ERRORS)


def _keep_or_escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Give back bytes that were no text as they were; escape characters that have no code here."""
    assert isinstance(error, UnicodeEncodeError)
    first = UnicodeEncodeError(
        error.encoding, error.object, error.start, error.start + 1, error.reason
    )
    was_a_byte = "\udc80" <= error.object[error.start] <= "\udcff"
    return codecs.lookup_error("surrogateescape" if was_a_byte else "backslashreplace")(first)


codecs.register_error(_ENCODING_ERRORS, _keep_or_escape)


class _Sequence(Control):
    """An escape sequence that rich has no name for."""

    def __init__(self, text: str) -> None:
        self.segment = Segment(text, None, [])


class _Raw:
    """Text that goes to the terminal as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self._text)


class _Rendered:
    """Lines rendered before."""

    def __init__(self, lines: Sequence[list[Segment]]) -> None:
        self.lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines:
            yield from line
            yield Segment.line()
