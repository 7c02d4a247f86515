"""Text that is written whole or not at all."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import Self

from memstat.cli.new_file import create_beside, explained, is_special, put_in_place
from memstat.cli.output import standard_output
from memstat.proc.streams import duplicate, stream_of


class WholeFile:
    """Text that takes the place of a file at the end, so that no reader sees half of it.

    It is made beside it at the start: what cannot be written is known before any work is done.
    ``-`` is standard output. A pipe, a device or a stream is written to as it is.
    """

    def __init__(self, path: str) -> None:
        """Raises OutputError."""
        self._path = path
        self._target = os.path.realpath(path)
        self._beside: str | None = None
        with explained(path):
            if path != "-" and stream_of(path) is None and not is_special(self._target):
                self._beside = create_beside(self._target)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._beside is not None:
            with suppress(OSError):
                os.unlink(self._beside)

    def commit(self, text: str) -> None:
        """Write all of it. Raises OutputError."""
        if self._path == "-":
            standard_output().write(text.removesuffix("\n"))
            return
        with explained(self._path):
            if self._beside is None:
                self._write_as_it_is(text)
                return
            with open(self._beside, "w", encoding="utf-8") as file:
                file.write(text)
            put_in_place(self._beside, self._target)
        self._beside = None

    def _write_as_it_is(self, text: str) -> None:
        stream = stream_of(self._path)
        target = self._path if stream is None else duplicate(stream)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)


def open_whole(path: str | None, files: ExitStack) -> WholeFile | None:
    """Open a file; ``None`` without a path. Raises OutputError."""
    return None if path is None else files.enter_context(WholeFile(path))
