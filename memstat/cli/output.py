"""Writing to standard output and standard error, which may be closed, full or a slow pipe."""

from __future__ import annotations

import os
import signal
import stat
import sys
from contextlib import suppress
from typing import IO, TextIO

from memstat.errors import OutputError
from memstat.report.lines import filled
from memstat.terminal.capability import can_move_cursor
from memstat.terminal.writing import Patience, patient_file, patient_text, write_at_once
from memstat.text import printable


class Output:
    """A stream of lines, each flushed.

    After a failure it is closed, and later writes fail the same way.
    """

    def __init__(
        self, stream: TextIO | None, name: str, *, patience: Patience | None = None
    ) -> None:
        self._stream = stream
        self._name = name
        self._patience = patience or Patience()
        self._failure = "it is closed"
        self._is_pipe = stream is not None and _is_pipe(stream)

    def limit_patience(self) -> None:
        """Give up on a reader that reads nothing for some seconds: what it waits for has ended."""
        self._patience.limit()

    @property
    def is_terminal(self) -> bool:
        return self._stream is not None and not self._stream.closed and self._stream.isatty()

    @property
    def width(self) -> int | None:
        """The columns of the terminal that it is; ``None`` when it is none, or has no size."""
        if not self.is_terminal:
            return None
        assert self._stream is not None
        with suppress(OSError):
            return os.get_terminal_size(self._stream.fileno()).columns or None
        return None

    @property
    def ascii_only(self) -> bool:
        """Whether its encoding has no bars and arrows."""
        return self._stream is None or not self._stream.encoding.lower().startswith("utf")

    @property
    def live_terminal(self) -> TextIO | None:
        """The stream itself where it is a terminal that can move its cursor."""
        if self.is_terminal and can_move_cursor(os.environ.get("TERM", "")):
            return self._stream
        return None

    def write(self, text: str, *, end: str = "\n") -> None:
        """Write text and, unless there is another end, a newline. Raises OutputError."""
        self.require_written()
        assert self._stream is not None
        try:
            self._stream.write(f"{text}{end}")
            self._stream.flush()
        except OSError as error:
            # Closed now, or the interpreter would try again at its end and complain.
            with suppress(OSError):
                self._stream.close()
            self._stream = None
            self._failure = error.strerror or str(error)
            raise OutputError(f"cannot write to {self._name}: {self._failure}") from error

    def write_at_once(self, text: str) -> bool:
        """Write text and a newline if that needs no wait; return whether it did."""
        if self._stream is None or not self._is_pipe:
            return False
        return write_at_once(self._stream, f"{text}\n")

    def require_written(self) -> None:
        """Raise OutputError when anything could not be written."""
        if self._stream is None or self._stream.closed:
            raise OutputError(f"cannot write to {self._name}: {self._failure}")

    def try_write(self, text: str) -> None:
        """Write text and a newline, if that is possible."""
        with suppress(OutputError):
            self.write(text)

    def remark(self, text: str, *, of: str = "memstat") -> None:
        """Write one line under the name of a program, if that is possible; any text is safe.

        Where a terminal is narrower, it ends lines between words.
        """
        self.try_write("\n".join(filled(f"{of}: {printable(text)}", self.width)))


def _is_pipe(stream: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except OSError:  # It has no descriptor.
        return False


def end_with_reader() -> None:
    """Let this process end when the reader of its output does, as any filter does."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def standard_output() -> Output:
    return _standard(sys.stdout, "standard output")


def standard_error() -> Output:
    return _standard(sys.stderr, "standard error")


def file_output(file: IO[bytes], path: str) -> Output:
    """Return an output to a file that is open; it stays its owner's to close."""
    patience = Patience()
    return Output(patient_file(file, patience), path, patience=patience)


def _standard(stream: TextIO | None, name: str) -> Output:
    if stream is None or stream.closed:
        return Output(None, name)
    patience = Patience()
    # Not through sys.stdout itself: on a non-blocking pipe it drops what does not fit.
    ours = patient_text(stream, patience, errors="backslashreplace")
    return Output(ours, name, patience=patience)
