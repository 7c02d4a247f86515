"""``memstat get --maps``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from memstat import load
from tests.cli import json_fields
from tests.cli.harness import PAUSE, assert_one_line, on_terminal
from tests.preloaded import memstat
from tests.targets import (
    AS_NOBODY,
    VARIOUS,
    Target,
    memstat_path,
    needs_nobody,
    python,
    run_as_nobody,
)

MIB = 1 << 20
LARGE = "held = bytearray(b'x') * (64 << 20); print('ready'); input()"
ROW = re.compile(r" *(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+|-) +(\d+)  (.+)")


@pytest.fixture
def various(
    start: Callable[..., Target], c_program: Callable[[str], Path], tmp_path: Path
) -> Target:
    target = start(str(c_program(VARIOUS)), str(tmp_path / "data"), "pool \x1b[31m")
    assert target.line() == "ready"
    return target


def test_a_table_for_pipes_has_the_largest_first_and_the_total_last(various: Target) -> None:
    done = memstat("get", "-r", "--maps", str(various.pid))
    assert (done.returncode, done.stderr) == (0, "")
    titles, *lines = done.stdout.splitlines()
    assert titles.split() == ["PSS", "kB", "USS", "RSS", "SWAP", "HUGE", "PROCS", "MAPS", "WHAT"]
    rows = [ROW.fullmatch(line) for line in lines]
    assert None not in rows
    sizes = [(int(row[1]), row[8]) for row in rows if row]
    assert sizes[0] == (8192, r"shared: memfd:pool \x1b[31m")
    assert sizes[-1][1] == "total"
    in_order = [size for size, what in sizes[:-1] if not what.endswith("others")]
    assert in_order == sorted(in_order, reverse=True)
    assert abs(sum(size for size, _ in sizes[:-1]) - sizes[-1][0]) <= len(sizes)


def test_the_total_is_that_of_the_tree(various: Target) -> None:
    before, mapped, after = (
        json.loads(memstat("get", "-r", "--json", *options, str(various.pid)).stdout)
        for options in ((), ("--maps",), ())
    )
    json_fields.assert_mappings(mapped)
    # Others that use the same libraries start and end; and the kernel cuts what each mapping has.
    sizes = sorted(got["total"]["pss_bytes"] for got in (before, after))
    cut_bytes = 1024 * sum(group["mappings"] for group in mapped["groups"])
    assert sizes[0] - 2 * cut_bytes <= mapped["total"]["pss_bytes"] <= sizes[1] + cut_bytes
    assert sum(group["pss_bytes"] for group in mapped["groups"]) == mapped["total"]["pss_bytes"]
    assert (mapped["processes"], mapped["complete"]) == (2, True)


def test_a_large_object_of_python_is_anonymous_memory(start: Callable[..., Target]) -> None:
    target = start(*python(LARGE))
    target.line()
    done = memstat("get", "--maps", "--bytes", str(target.pid))
    first = ROW.fullmatch(done.stdout.splitlines()[0])
    assert first
    assert first[8] == "anonymous"
    assert 64 * MIB <= int(first[2]) < 80 * MIB


def test_verbose_shows_every_group(start: Callable[..., Target]) -> None:
    target = start(*python(f"import ctypes, decimal, ssl; {LARGE}"))
    target.line()
    short, whole = (
        memstat("get", "--maps", *options, "--bytes", str(target.pid)).stdout.splitlines()
        for options in ((), ("-v",))
    )
    assert short[-2].endswith(" others")
    assert len(whole) == len(short) - 1 + int(short[-2].split()[-2])


def test_on_a_terminal_it_is_as_wide_as_that(various: Target) -> None:
    status, shown = on_terminal(
        "sh", "-c", f"stty cols 40; {memstat_path()} get -r --maps {various.pid}"
    )
    assert status == 0
    lines = shown.splitlines()
    assert lines[0] == "PSS MiB  USS PROCS  WHAT"
    assert max(map(len, lines)) <= 40
    assert lines[1].split()[:3] == ["8.0", "0.0", "2"]
    assert lines[1].endswith(r"pool \x1b[31m")
    assert lines[-1].endswith("  total")


def test_a_target_that_is_not_there_is_an_error_of_one_line(start: Callable[..., Target]) -> None:
    target = start(*PAUSE)
    target.line()
    done = memstat("get", "--maps", str(target.pid), "4194305")
    assert done.returncode == 1
    assert done.stdout.endswith(" total\n")
    assert_one_line(done.stderr, "no process has PID 4194305")


@needs_nobody
def test_what_may_not_be_read_is_said(start: Callable[..., Target]) -> None:
    parent = start("sh", "-c", f'{" ".join(AS_NOBODY)} {sys.executable} -c "$0" & wait', PAUSE[-1])
    assert parent.line() == "ready"
    done = run_as_nobody("get", "-r", "--maps", str(parent.pid))
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].split()[5] == "1"
    assert_one_line(done.stderr, "the total is partial: 1 process could not be read", "as root")


def test_a_run_records_what_its_memory_consists_of(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    hold = "import time; held = bytearray(b'x') * (64 << 20); time.sleep(0.3)"
    done = memstat("run", "--record", str(path), "--maps", "--exact", "--", *python(hold))
    assert done.returncode == 0
    mappings = load(path).mappings
    assert mappings is not None
    assert mappings.total.pss_bytes is not None


def test_a_watch_records_what_its_memory_consists_of(
    start: Callable[..., Target], tmp_path: Path
) -> None:
    target = start(*python(LARGE))
    target.line()
    path = tmp_path / "watch.jsonl"
    with subprocess.Popen(
        [memstat_path(), "get", "-w", "--maps", "--record", str(path), str(target.pid)],
        stdout=subprocess.PIPE,
    ) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()
        watching.stdout.readline()
        target.send()
        watching.stdout.read()
    mappings = load(path).mappings
    assert mappings is not None
    assert (mappings.total.pss_bytes or 0) > 64 * MIB


@pytest.mark.parametrize("arguments", [["get", "-w", "--maps", "1"], ["run", "--maps", "true"]])
def test_without_a_recording_there_is_nowhere_to_keep_it(arguments: list[str]) -> None:
    done = memstat(*arguments)
    assert (done.returncode, done.stdout) == (2 if arguments[0] == "get" else 125, "")
    assert_one_line(done.stderr, "--maps needs --record FILE", "memstat get --maps PID")
