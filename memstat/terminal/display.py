"""A view that stays in place on a terminal while text scrolls past above it."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from memstat.report.board import View
from memstat.report.keys import Scroll
from memstat.report.table import dashboard, one_line
from memstat.report.view_options import ViewOptions
from memstat.terminal import frame
from memstat.terminal.modes import NO_LINES, adds_returns, modes_of
from memstat.terminal.occupancy import Look, Occupancy
from memstat.terminal.passage import Passage, Piece, moves_cursor

_FALLBACK_SIZE: Final = os.terminal_size((80, 24))
_SUMMARY_LINES: Final = 8
_WHOLE_S: Final = 5.0
"""How often all lines are drawn: a program that was not seen may have written into the table."""
_USUAL: Final = ViewOptions()


class LiveDisplay:
    """Keeps the newest view below a command's output. For any thread; each call may block on it.

    Only lines that have changed are written, unless another program may have written there.
    The view takes the whole screen until there is output, and then yields what that needs, down to
    half of it; with ``one_line``, it is a single line.
    While the command has the terminal to itself, there is no view, and its output passes whole.
    Every call may raise OSError, when the terminal has gone.
    """

    def __init__(
        self,
        terminal: TextIO,
        *,
        one_line: bool = False,
        options: ViewOptions = _USUAL,
    ) -> None:
        self.options = options
        self.fd = terminal.fileno()
        self._encoding = terminal.encoding
        self._ascii_only = not terminal.encoding.lower().startswith("utf")
        self.is_one_line = one_line
        self.scroll = Scroll()
        """Where the list on the screen stands."""
        self._console = Console(file=terminal, highlight=False, markup=False, emoji=False)
        self._size = _terminal_size(self.fd)
        self._console.size = self._size
        # What we set ourselves to read keys is no sign of another program.
        self._occupancy = Occupancy(NO_LINES if options.has_keys else modes_of(self.fd))
        self._passage = Passage()
        self._occupied = False
        self._view: View | None = None
        self._table: Sequence[bytes] = ()
        self._shown: Sequence[bytes] = ()
        """The lines below the cursor, as far as they are known."""
        self._drawn_whole_s = 0.0
        self._typed_bytes = 0
        self._is_displaced = False
        self._line = b""
        self._line_is_foreign = False
        self._rows_above = 0
        """How many lines of output stand above the one with the cursor; it may stop at a screen."""
        self._held_back = b""
        self._queue = threading.Lock()
        self._lock = threading.Lock()

    def follow_size(self) -> None:
        """Take over the size of the terminal."""
        with self._in_turn():
            size = _terminal_size(self.fd)
            if size != self._size:
                self._size = self._console.size = size
                # A terminal that became narrower has broken the lines of the view in two or more.
                self._erase()

    def needs_to_know_readers(self) -> bool:
        """Whether the next look must say what processes wait for."""
        with self._in_turn():
            # None but us reads a terminal of which we read the keys.
            return not (self.options.has_keys or self._occupancy.is_decided_by(modes_of(self.fd)))

    def will_step_aside(self, look: Look) -> bool:
        """Whether ``take_look`` would give the terminal to the command, which it has not yet."""
        with self._in_turn():
            return not self._occupied and copy(self._occupancy).take(look)

    def take_look(self, look: Look) -> bool:
        """Step aside, or come back, as the terminal is used; return whether a view may be drawn."""
        with self._in_turn():
            self._set_occupied(is_occupied=self._occupancy.take(look))
            if look.is_shared or look.typed_bytes != self._typed_bytes:
                # The cursor may have moved, onto a line of the table.
                self.note_displaced()
            self._typed_bytes = look.typed_bytes
            return not self._occupied and not self._passage.on_alternate

    def draw(self, view: View) -> None:
        """Show a view in place of the last one, unless the command has the terminal to itself."""
        with self._in_turn():
            if self._occupied or self._passage.on_alternate:
                return
            # Rendered once: text that scrolls past redraws it often, and need not compute it.
            self._view = view
            self._table = self._render(view, self.options, self._room)
            if time.monotonic() - self._drawn_whole_s > _WHOLE_S and self._table != self._shown:
                self._shown = ()
            displaced, self._is_displaced = self._is_displaced, False
            if displaced:
                self._shown = ()
            self._write_with_table(frame.ERASE_TABLE if displaced else b"", self._own_line())

    def output(self, data: bytes) -> None:
        """Let the command's output scroll past above the view, or pass as it is."""
        with self._in_turn():
            if moves_cursor(data):
                self._occupancy.command_moved_cursor(modes_of(self.fd))
                self._set_occupied(is_occupied=self._occupancy.is_command_s)
            for piece in self._passage.feed(data, occupied=self._occupied):
                self._show(piece)

    def end_output(self) -> None:
        """Finish the last line of the command's output."""
        with self._in_turn():
            for piece in self._passage.finish():
                self._show(piece)

    def write_above(self, text: str) -> None:
        """Write finished lines above the view; where the command has the terminal, at the end."""
        note = text.encode(self._encoding, "backslashreplace")
        with self._in_turn():
            if self._occupied or self._passage.on_alternate:
                self._held_back += note
                return
            # Below a line that the command has not finished; it is written again below the note.
            begun = self._line + b"\n" if self._line else b""
            self._show(Piece(begun + note, b""))

    def note_displaced(self) -> None:
        """Note that the screen may be another, as after a stop. It does not block."""
        self._is_displaced = bool(self._table)

    def stop(self) -> None:
        """Remove the view. Harmless when repeated."""
        with self._in_turn():
            self._erase()

    def finish(self) -> None:
        """Remove the view for good, and leave the cursor at the start of a line."""
        with self._in_turn():
            self._erase()
            # What was typed, Ctrl+C too, was shown by the terminal itself.
            self._write(frame.fresh_line(self._size.columns))
            held_back, self._held_back = self._held_back, b""
            self._write(frame.with_returns(held_back))

    def leave(self, view: View) -> None:
        """Print a view that stays, with room for a summary below it on the same screen."""
        with self._in_turn():
            lines = self._render(view, self.options.at_rest, self._size.lines - _SUMMARY_LINES)
            self._write(b"".join([line + b"\r\n" for line in lines]))

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Have the display alone, in the order of asking.

        A lock alone goes to the thread that has just released it: output without end would hold up
        the views.
        """
        with self._queue:
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    @property
    def _room(self) -> int:
        """How many lines the view may have. One is the command's, even if it is empty."""
        lines = self._size.lines
        return min(lines - 1, max(lines // 2, lines - 1 - self._rows_above))

    def _yield_to(self, text: bytes) -> None:
        """Leave as much of the screen as the output needs that is to be shown."""
        self._count_above(text)
        if self._view is not None and len(self._table) > self._room:
            self._table = self._render(self._view, self.options, self._room)

    def _count_above(self, text: bytes) -> None:
        if self._rows_above < self._size.lines:
            self._rows_above += frame.rows_of(text, self._size.columns)

    def _erase(self) -> None:
        self._shown = ()
        if self._table:
            self._table = ()
            self._write(frame.ERASE_TABLE)

    def _set_occupied(self, *, is_occupied: bool) -> None:
        if is_occupied and not self._occupied:
            self._erase()
        if self._occupied and not is_occupied:
            self._line, self._line_is_foreign = b"", True
            # The line with a question and its answer, which the terminal itself has finished.
            self._count_above(b"\n")
        self._occupied = is_occupied

    def _show(self, piece: Piece) -> None:
        if piece.is_whole:
            self._erase()
            self._line, self._line_is_foreign = b"", True
            self._write(piece.text)
            if not piece.is_on_alternate:
                # A program that moves the cursor has, as far as is known, the whole screen.
                is_screen = moves_cursor(piece.text)
                self._count_above(b"\n" * self._size.lines if is_screen else piece.text)
            return
        unfinished = self._fitting(piece.unfinished)
        text = piece.text + unfinished
        if not text and not self._line:
            return
        # Appended where possible: another program may have written a prompt on this line.
        goes_on = text.startswith(self._line)
        shown = text[len(self._line) :] if goes_on else frame.rewritten(text)
        self._line = unfinished
        if not piece.text and not self._line_is_foreign:
            # The line with the cursor alone, as of a progress bar: the table stays where it is.
            self._write(shown)
            return
        self._yield_to(piece.text)
        self._shown = ()
        self._write_with_table(
            frame.ERASE_TABLE if self._table else b"",
            self._own_line(),
            shown if adds_returns(self.fd) else frame.with_returns(shown),
        )

    def _write_with_table(self, *before: bytes) -> None:
        if not self._shown:
            self._drawn_whole_s = time.monotonic()
        first, *others = frame.table_below(self._table, self._shown) or [b""]
        self._shown = self._table
        for piece in (b"".join((*before, first)), *others):
            if piece:
                self._write(frame.at_once(piece))

    def _own_line(self) -> bytes:
        """Return what gets off a line on which another program wrote."""
        if not self._line_is_foreign:
            return b""
        self._line_is_foreign = False
        self._shown = ()
        return frame.fresh_line(self._size.columns)

    def _fitting(self, unfinished: bytes) -> bytes:
        """Return as much of an unfinished line as stands on one line of the terminal.

        Not in its last column: a terminal would forget that the next character belongs to the next
        line.
        """
        room = self._size.columns - 1
        if len(unfinished) <= room:
            return unfinished
        line = Text.from_ansi(unfinished.decode(self._encoding, "replace"), no_wrap=True)
        line.truncate(room)
        with self._console.capture() as capture:
            self._console.print(line, end="", crop=False)
        return capture.get().encode(self._encoding, "backslashreplace")

    def _render(self, view: View, options: ViewOptions, height: int) -> Sequence[bytes]:
        width, ascii_only = self._size.columns, self._ascii_only
        if self.is_one_line:
            page = one_line(view, width=width, ascii_only=ascii_only)
        else:
            page = dashboard(view, options, width=width, height=height, ascii_only=ascii_only)
            self.scroll = page.scroll
        lines = page.printed(self._console)
        return [line.encode(self._encoding, "backslashreplace") for line in lines]

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self.fd, left) :]
            except BlockingIOError:
                # Another program has made the terminal non-blocking for all that have it open.
                select.select([], [self.fd], [])


def _terminal_size(fd: int) -> os.terminal_size:
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        return _FALLBACK_SIZE
    return _FALLBACK_SIZE if 0 in size else size
