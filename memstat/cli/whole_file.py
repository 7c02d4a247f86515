"""A file that is written whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import IO, Self

from memstat.cli.output import standard_output
from memstat.errors import OutputError
from memstat.proc.streams import duplicate, stream_of


class WholeFile:
    """Takes the place of a file at the end, so that no reader sees half of it.

    It is made beside it at the start: what cannot be written is known before any work is done.
    ``-`` is standard output. A pipe, a device or a stream is written to as it is.
    """

    def __init__(self, path: str) -> None:
        """Raises OutputError."""
        self._path = path
        self._beside: str | None = None
        self._mode: int | None = None
        with _explained(path):
            if path != "-" and stream_of(path) is None and self._is_replaceable():
                self._target = os.path.realpath(path)
                self._beside = f"{self._target}.{os.urandom(4).hex()}.new"
                self._file: IO[str] = open(self._beside, "x", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._beside is not None:
            self._file.close()
            with suppress(OSError):
                os.unlink(self._beside)

    def commit(self, text: str) -> None:
        """Write all of it. Raises OutputError."""
        if self._path == "-":
            standard_output().write(text.removesuffix("\n"))
            return
        with _explained(self._path):
            if self._beside is None:
                self._write_as_it_is(text)
                return
            self._file.write(text)
            self._file.flush()
            os.fsync(self._file.fileno())
            if self._mode is not None:
                os.chmod(self._beside, self._mode)
            os.replace(self._beside, self._target)
        self._file.close()
        self._beside = None

    def _is_replaceable(self) -> bool:
        """Whether it is a plain file that may be written to, or there is none yet."""
        try:
            mode = os.stat(self._path).st_mode
        except FileNotFoundError:
            return True
        if stat.S_ISREG(mode):
            # One that is read-only is not to be replaced.
            with open(self._path, "ab"):
                self._mode = stat.S_IMODE(mode)
            return True
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(0, "Is a directory")
        return False

    def _write_as_it_is(self, text: str) -> None:
        stream = stream_of(self._path)
        target = self._path if stream is None else duplicate(stream)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror or error}") from error


def open_whole(path: str | None, files: ExitStack) -> WholeFile | None:
    """Open a file; ``None`` without a path. Raises OutputError."""
    return None if path is None else files.enter_context(WholeFile(path))
