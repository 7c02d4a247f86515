"""Pipes that the command, or another process, has made non-blocking, with a slow reader."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.harness import assert_one_line
from tests.cli.json_fields import assert_run_summary
from tests.targets import memstat_path, python

PAGE = 4096
FILL_STDERR = python(f"""
import os, sys
os.set_blocking(2, False)
os.write(2, b'x' * {PAGE})
print('full')
input()
sys.exit(5)
""")
"""Fills a pipe of one page at stderr, prints ``full``, and ends with 5 after a line of input."""


@contextmanager
def small_pipe(*, blocking: bool) -> Iterator[tuple[int, int]]:
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PAGE)
    os.set_blocking(write_end, blocking)
    try:
        yield read_end, write_end
    finally:
        os.close(read_end)


def read_to_end(fd: int) -> bytes:
    with open(fd, "rb", closefd=False) as stream:
        return stream.read()


@pytest.mark.parametrize("options", [[], ["-r"]])
def test_the_peak_waits_for_room_behind_what_the_command_wrote(options: list[str]) -> None:
    with (
        small_pipe(blocking=True) as (read_end, write_end),
        subprocess.Popen(
            [memstat_path(), "run", *options, "--", *FILL_STDERR],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=write_end,
        ) as running,
    ):
        os.close(write_end)
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stdout.readline() == b"full\n"
        running.stdin.write(b"go\n")
        running.stdin.close()
        # On a busy machine the command may be too short to be measured: the line says so.
        assert b"Peak:" in read_to_end(read_end)
        assert running.wait(timeout=60) == 5


def test_every_snapshot_of_json_arrives_whole() -> None:
    with (
        small_pipe(blocking=False) as (read_end, write_end),
        subprocess.Popen(
            [memstat_path(), "run", "-rv", "--json", "-f", "200", "--", "sleep", "0.5"],
            stdout=write_end,
            stderr=subprocess.PIPE,
        ) as running,
    ):
        os.close(write_end)
        *_, summary = map(json.loads, read_to_end(read_end).splitlines())
        assert running.wait(timeout=60) == 0
    assert_run_summary(summary)


def test_a_watch_waits_for_its_reader() -> None:
    with (
        small_pipe(blocking=False) as (read_end, write_end),
        subprocess.Popen(["cat"], stdin=subprocess.PIPE) as target,
        subprocess.Popen(
            [memstat_path(), "get", "-wv", "-f", "200", str(target.pid)],
            stdout=write_end,
            stderr=subprocess.PIPE,
        ) as running,
    ):
        os.close(write_end)
        assert os.read(read_end, 1), "it has begun"
        target.communicate()
        assert b"Peak:\n[" in read_to_end(read_end)
        assert running.wait(timeout=60) == 0


@pytest.mark.parametrize(("command", "status"), [("true", 125), ("false", 125)])
def test_a_reader_that_never_reads_is_given_up_after_the_end(command: str, status: int) -> None:
    with small_pipe(blocking=False) as (_, write_end):
        os.write(write_end, b"x" * PAGE)
        done = subprocess.run(
            [memstat_path(), "run", "--json", "--", command],
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        os.close(write_end)
    assert done.returncode == status
    assert_one_line(done.stderr, "cannot write to standard output: nothing was read from it for 5")
