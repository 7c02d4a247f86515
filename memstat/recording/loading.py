"""Recordings as files: what other programs read them with."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from functools import cached_property, partial
from typing import IO, Final

from memstat.errors import RecordingError
from memstat.mappings import Mappings
from memstat.model import ProcessKey, Snapshot
from memstat.recording.header import Header, header_from
from memstat.recording.members import Fault, lines_of
from memstat.recording.reading import Entry, Totals, process_peaks
from memstat.results import Mark, Peak, RunResult, SamplingStats

__all__ = ["Recording", "load"]

_CHUNK_BYTES: Final = 1 << 16


class Recording:
    """The snapshots of a recording, its marks and how it ended. Made by ``load``.

    Each iteration reads the file from its start, and holds one snapshot at a time. What was
    damaged or cut off is left out, and ``remarks`` says so.
    """

    def __init__(self, name: str, chunks: Callable[[], Iterator[bytes]]) -> None:
        """``chunks`` yields all that there is, from the start each time."""
        self._name = name
        self._read = chunks
        self._read_totals: Totals | None = None
        self.header: Header = self._read_header()
        """What was recorded, when and where."""

    def __iter__(self) -> Iterator[Snapshot]:
        """Yield each snapshot, whole."""
        return (entry for entry in self.entries() if isinstance(entry, Snapshot))

    def entries(self) -> Iterator[Entry]:
        """Yield snapshots, marks, mappings and gaps in their order; unknown kinds are skipped.

        After the last one, peak, marks and the rest are known without reading again.
        """
        totals = Totals(self.header)
        with closing(self._lines()) as lines:
            next(lines, None)
            yield from totals.entries(lines)
        self._read_totals = totals

    @property
    def peak(self) -> Peak | None:
        """The peak: by the summary or, where there is none, of the snapshots. ``None`` if none."""
        return self._totals.peak

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks, oldest first."""
        return self._totals.marks

    @property
    def mappings(self) -> Mappings | None:
        """What the memory consisted of near the peak; ``None`` where that was not recorded."""
        return self._totals.mappings

    @property
    def stats(self) -> SamplingStats:
        """How the sampling went."""
        return self._totals.stats

    @cached_property
    def process_peaks(self) -> Mapping[ProcessKey, int]:
        """The largest PSS of each process in bytes, by another look at the whole recording."""
        with closing(self._lines()) as lines:
            next(lines, None)
            return process_peaks(lines)

    @property
    def result(self) -> RunResult | None:
        """How the command ended; ``None`` for a watch, or where the recording was cut off.

        ``last`` and ``partial`` are not recorded: iterating shows them.
        """
        return self._totals.result

    @property
    def remarks(self) -> tuple[str, ...]:
        """What one has to know of it, in a line each: that it was cut off or damaged, and where."""
        return self._totals.remarks

    @property
    def _totals(self) -> Totals:
        if self._read_totals is None:
            for _ in self.entries():
                pass
        assert self._read_totals is not None
        return self._read_totals

    def _read_header(self) -> Header:
        with closing(self._lines()) as lines:
            line = next(lines, None)
        if line is None:
            raise _error(self._name, "it is empty")
        if line is Fault.CUT_OFF:
            raise _error(self._name, "it is cut off in its first line")
        try:
            value = None if isinstance(line, Fault) else json.loads(line)
        except (RecursionError, ValueError):
            value = None
        try:
            return header_from(value)
        except RecordingError as error:
            raise _error(self._name, str(error)) from error

    def _lines(self) -> Generator[bytes | Fault, None, None]:
        try:
            yield from lines_of(self._read())
        except OSError as error:
            raise _error(self._name, error.strerror or str(error)) from error


def load(path: str | os.PathLike[str]) -> Recording:
    """Return a recording, packed or not; ``-`` is standard input.

    It is not read yet but for its first line: iterating over it streams, so that an hour of
    hundreds of processes takes little memory. What can be read of one that was cut off or damaged
    is read.

    Raises RecordingError where nothing can be read: there is no such file, it is empty or no
    recording, or its format is newer than this memstat.

    >>> load("/dev/null")
    Traceback (most recent call last):
    memstat.errors.RecordingError: cannot read the recording /dev/null: it is empty
    """
    name = os.fspath(path)
    if name == "-":
        if sys.stdin is None:
            raise RecordingError("cannot read the recording standard input: it is closed")
        return _load_stream("standard input", sys.stdin.buffer)
    try:
        with open(name, "rb", buffering=0) as file:
            if not file.seekable():
                return _load_stream(name, file)
    except OSError as error:
        raise _error(name, error.strerror or str(error)) from error
    return Recording(name, partial(_chunks_of_file, name))


def _load_stream(name: str, stream: IO[bytes]) -> Recording:
    """Return a recording of what can be read only once."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the recording may be read
    try:
        shutil.copyfileobj(stream, copy)
        copy.flush()
        recording = Recording(name, partial(_chunks_of_descriptor, copy.fileno()))
    except BaseException:
        copy.close()
        raise
    weakref.finalize(recording, copy.close)
    return recording


def _chunks_of_file(name: str) -> Iterator[bytes]:
    with open(name, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _chunks_of_descriptor(fd: int) -> Iterator[bytes]:
    # Each iteration has an offset of its own.
    offset = 0
    while chunk := os.pread(fd, _CHUNK_BYTES, offset):
        offset += len(chunk)
        yield chunk


def _error(name: str, reason: str) -> RecordingError:
    return RecordingError(f"cannot read the recording {name}: {reason}")
