"""Writing to standard output and standard error, which may be closed, full or a slow pipe."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

from memstat.errors import MemstatError
from memstat.terminal.capability import can_move_cursor
from memstat.text import printable


class OutputError(MemstatError):
    """A result could not be written."""


class Output:
    """A stream of lines, each flushed.

    After a failure it is closed, and later writes fail the same way.
    """

    def __init__(self, stream: TextIO | None, name: str) -> None:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        self._stream = stream
        self._name = name
        self._failure = "it is closed"

    @property
    def is_terminal(self) -> bool:
        return self._stream is not None and not self._stream.closed and self._stream.isatty()

    @property
    def live_terminal(self) -> TextIO | None:
        """The stream itself where it is a terminal that can move its cursor."""
        if self.is_terminal and can_move_cursor(os.environ.get("TERM", "")):
            return self._stream
        return None

    def write(self, text: str) -> None:
        """Write text and a newline. Raises OutputError."""
        if self._stream is None or self._stream.closed:
            raise OutputError(f"cannot write to {self._name}: {self._failure}")
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except OSError as error:
            # Closed now, or the interpreter would try again at its end and complain.
            with suppress(OSError):
                self._stream.close()
            self._stream = None
            self._failure = error.strerror or str(error)
            raise OutputError(f"cannot write to {self._name}: {self._failure}") from error

    def try_write(self, text: str) -> None:
        """Write text and a newline, if that is possible."""
        with suppress(OutputError):
            self.write(text)

    def remark(self, text: str, *, of: str = "memstat") -> None:
        """Write one line under the name of a program, if that is possible; any text is safe."""
        self.try_write(f"{of}: {printable(text)}")


def standard_output() -> Output:
    return Output(sys.stdout, "standard output")


def standard_error() -> Output:
    return Output(sys.stderr, "standard error")
