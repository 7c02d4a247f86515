"""Writing to pipes that another process has put into non-blocking mode."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from memstat.terminal import writing
from memstat.terminal.writing import Patience, PatientFile, patient_text, write_at_once


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe; writing to it does not block."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    yield read_end, write_end
    for fd in (read_end, write_end):
        with suppress(OSError):  # A test has closed it.
            os.close(fd)


def fill(write_end: int) -> int:
    """Write until there is no more room; return how many bytes that took."""
    size = 0
    with pytest.raises(BlockingIOError):
        while True:
            size += os.write(write_end, b"x" * 4096)
    return size


def read(read_end: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(read_end, size - len(data))
    return data


def test_a_write_waits_for_the_reader(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    before = fill(write_end)
    message = bytes(range(256)) * 2000
    with ThreadPoolExecutor(1) as threads:
        written = threads.submit(PatientFile(write_end).write, message)
        assert read(read_end, before) == b"x" * before
        assert read(read_end, len(message)) == message
        assert written.result() == len(message)


def test_text_waits_for_the_reader(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    before = fill(write_end)
    with open(write_end, "w", encoding="latin-1", closefd=False) as given:
        stream = patient_text(given, errors="backslashreplace")
    with ThreadPoolExecutor(1) as threads:
        threads.submit(print, "caf\xe9 \u65e5", file=stream, flush=True)
        assert read(read_end, before + 12)[before:] == b"caf\xe9 \\u65e5\n"


def test_limited_patience_ends_when_nothing_is_read(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PATIENCE_S", 0.1)
    _, write_end = pipe
    fill(write_end)
    patience = Patience()
    file = PatientFile(write_end, patience)
    with ThreadPoolExecutor(1) as threads:
        written = threads.submit(file.write, b"text")
        patience.limit()
        with pytest.raises(OSError, match=r"nothing was read from it for 0\.1 s"):
            written.result()
    with pytest.raises(OSError, match="nothing was read"):
        io.BufferedWriter(file).detach().write(b"more")


def test_a_reader_that_leaves_ends_the_wait(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    fill(write_end)
    with ThreadPoolExecutor(1) as threads:
        written = threads.submit(PatientFile(write_end).write, b"text")
        os.close(read_end)
        with pytest.raises(BrokenPipeError):
            written.result()


def test_text_is_written_at_once_or_not_at_all(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    os.set_blocking(write_end, True)
    with open(write_end, "w", encoding="latin-1", errors="backslashreplace", closefd=False) as out:
        assert write_at_once(out, "caf\xe9 \u20ac\n")
        assert read(read_end, 11) == b"caf\xe9 \\u20ac"
        assert read(read_end, 1) == b"\n"
        assert not write_at_once(out, "x" * (select.PIPE_BUF + 1)), "it may be divided"
        written = 0
        while write_at_once(out, "x" * 100):
            written += 100
        assert written >= select.PIPE_BUF
        assert len(read(read_end, written)) == written
        assert write_at_once(out, "there is room again\n")


def test_where_the_reader_has_gone_nothing_is_written_at_once(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    os.close(read_end)
    with open(write_end, "w", encoding="utf-8", closefd=False) as out:
        assert not write_at_once(out, "a line\n")
