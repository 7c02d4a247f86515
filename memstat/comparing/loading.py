"""Measurements from files of any form that memstat writes, and from folders of them."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from io import BufferedReader
from typing import IO, Final

from memstat.comparing import baselines, bench_file, summaries
from memstat.comparing.history import grouped
from memstat.comparing.measurements import Measurements
from memstat.errors import ComparisonError

_SUFFIXES: Final = (".json", ".jsonl", ".ndjson", ".gz")
_GZIP: Final = b"\x1f\x8b"
_RECORDING: Final = re.compile(rb'\s*\{\s*"kind"\s*:\s*"recording"')
_HEAD_BYTES: Final = 1 << 16
_MOST_BYTES: Final = 256 << 20
_NAMES: Final = (
    "a file of `memstat bench --export-json`, summaries of `memstat run --json`, a recording, a"
    " baseline of the pytest plugin, or a folder of these"
)


def load(path: str) -> tuple[Measurements, ...]:
    """Return what a file or a folder holds, ``-`` for standard input.

    Raises ComparisonError where it cannot be read, or is something else.
    """
    try:
        if path == "-":
            return _load_file(path)
        if stat.S_ISDIR(os.stat(path).st_mode):
            return grouped(one for file in _files(path) for one in _load_file(file))
        return _load_file(path)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ComparisonError(f"cannot read {path}: {reason}") from error


def load_baseline(path: str) -> tuple[Measurements, ...]:
    """Return what a file of ``memstat bench`` holds, to append to it; nothing where there is none.

    Raises ComparisonError where it cannot be read, or is of another form: that would be lost.
    """
    try:
        with open(path, "rb") as file:
            return bench_file.decode(file.read(_MOST_BYTES).decode())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ComparisonError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ComparisonError(
            f"{path}: runs are appended only to a file of `memstat bench --export-json`"
        ) from error


def _files(folder: str) -> Iterator[str]:
    names = sorted(
        name for name in os.listdir(folder) if name.endswith(_SUFFIXES) and name[0] != "."
    )
    if not names:
        raise ComparisonError(f"{folder} holds no file that ends in {', '.join(_SUFFIXES)}")
    for name in names:
        yield os.path.join(folder, name)


def _load_file(path: str) -> tuple[Measurements, ...]:
    if path == "-":
        if sys.stdin is None:
            raise ComparisonError("standard input is closed")
        return _load_open(sys.stdin.buffer, path)
    with open(path, "rb") as file:
        if file.seekable():
            return _load_open(file, path)
        with tempfile.TemporaryFile() as copy:
            # A pipe: what is looked at has to be there for what reads it.
            shutil.copyfileobj(file, copy)
            copy.seek(0)
            return _load_open(BufferedReader(copy.raw), f"/dev/fd/{copy.fileno()}")


def _load_open(file: IO[bytes], path: str) -> tuple[Measurements, ...]:
    head = file.peek(_HEAD_BYTES) if isinstance(file, BufferedReader) else b""
    is_packed = head.startswith(_GZIP)
    if _RECORDING.match(_unpacked(head) if is_packed else head):
        from memstat.comparing.recordings import measurements_of  # noqa: PLC0415 - only for these

        # What was looked at is still there to be read, on standard input too.
        return measurements_of(path)
    try:
        return _decode(_text(file, path, is_packed=is_packed))
    except ValueError as error:
        reason = "it is no JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        raise ComparisonError(f"{path}: {reason}; what can be compared is {_NAMES}") from error


def _unpacked(head: bytes) -> bytes:
    """Return the beginning of what was packed; as much as there is of it."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
    except zlib.error:
        return b""


def _text(file: IO[bytes], path: str, *, is_packed: bool) -> str:
    source = gzip.GzipFile(fileobj=file) if is_packed else file
    content = source.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ComparisonError(f"{path} is larger than {_MOST_BYTES >> 20} MiB, and no recording")
    return content.decode("utf-8", "backslashreplace")


def _decode(text: str) -> tuple[Measurements, ...]:
    try:
        value = json.loads(text)
    except ValueError:
        # Several lines, each with a value of its own.
        return summaries.measurements_of(
            json.loads(line) for line in text.splitlines() if line.strip()
        )
    if bench_file.is_bench(value):
        return bench_file.measurements_of(value)
    if baselines.is_baseline(value):
        return baselines.measurements_of(value)
    return summaries.measurements_of([value])
