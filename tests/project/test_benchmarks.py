"""The benchmarks still run, and measure what they say. How fast is for them to tell."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import anyio
import psutil
import pytest

from memstat import measure
from tests.benchmarks.herd import herd_of
from tests.benchmarks.side_by_side import turns
from tests.charts.browser import CHROMIUM


def benchmark(name: str, *arguments: str) -> list[str]:
    """Run a benchmark as people do and return its lines."""
    ran = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


def ratios(lines: list[str], name: str) -> list[float]:
    return [
        float(line.removeprefix(name).split()[-1]) for line in lines if line.startswith(f"{name} ")
    ]


def test_the_sweep_benchmark_runs() -> None:
    lines = benchmark("sweep", "3", "--rounds", "1", "--busy", "50")
    assert [line for line in lines if line.endswith("1 rounds")] == [
        "3 unrelated processes, 50 % busy, 1 rounds",
        "3 forked processes, 50 % busy, 1 rounds",
    ]
    assert ratios(lines, "memstat") == [1.0, 1.0]
    assert all(ratio > 0 for ratio in ratios(lines, "C, open/read/close"))


def test_the_burden_benchmark_runs() -> None:
    lines = benchmark("burden", "--size=1", "--saver=1", "--seconds=0.01", "--rounds=1")
    assert ratios(lines, "unobserved") == [1.0, 1.0]
    assert all(ratio > 0 for ratio in ratios(lines, "psutil at 10 Hz"))


def test_the_build_benchmark_runs() -> None:
    lines = benchmark("build", "--files=1", "--headers", "cstddef", "--rounds=1")
    assert ratios(lines, "make -j2") == [1.0]


def test_the_cost_benchmark_runs() -> None:
    lines = benchmark("cost", "--processes=3", "--seconds=0.01", "--rounds=1")
    assert [line.split(",")[0] for line in lines if " Hz" in line] == [
        "3 processes",
        "reading loop",
        "3 unrelated processes",
        "10 processes",
        "reading loop",
        "1 processes",
        "bare loop",
    ]


def test_the_crowd_benchmark_runs() -> None:
    lines = benchmark("crowd", "--few=1", "--many=2", "--seconds=0.2", "--rounds=1")
    assert ratios(lines, "1 others") == [0.0]


def test_the_maps_benchmark_runs() -> None:
    lines = benchmark("maps", "--size=1", "--mappings=10", "--rounds=1")
    assert ratios(lines, "walk") == [1.0, 1.0]
    assert all(ratio > 0 for ratio in ratios(lines, "mappings"))


def test_the_startup_benchmark_runs() -> None:
    lines = benchmark("startup", "--rounds", "2")
    assert ratios(lines, "python -c 'import asyncio'") == [1.0]


def test_the_recording_benchmark_runs() -> None:
    lines = benchmark("recording", "--processes=3", "--ticks=60", "--seconds=0.3")
    figures = [float(re.split("  +", line)[1]) for line in lines[2:]]
    assert len(figures) == 5
    assert all(figure > 0 for figure in figures)


@pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="needs chromium")
def test_the_page_benchmark_runs() -> None:
    lines = benchmark("report_page", "--processes=3", "--ticks=20", "--busy=0.5")
    assert lines[0].startswith("3 processes, 20 ticks, 50% busy")
    assert "ready in Chromium after" in lines[-1]


@pytest.mark.parametrize("in_c", [True, False])
def test_a_herd_uses_what_it_says_and_more_when_stirred(*, in_c: bool) -> None:
    with herd_of(3, in_c=in_c) as herd:
        quiet = anyio.run(measure, herd.pid)
        herd.stir(100)
        stirred = anyio.run(measure, herd.pid)
        assert [process.key.pid for process in quiet.processes] == herd.pids()
    assert all((process.memory.uss_bytes or 0) >= 1 << 20 for process in quiet.processes)
    for before, after in zip(quiet.processes[1:], stirred.processes[1:], strict=True):
        assert (after.memory.uss_bytes or 0) > (before.memory.uss_bytes or 0)


def test_a_herd_leaves_nobody_behind() -> None:
    with herd_of(3) as herd:
        pids = herd.pids()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_every_contender_has_a_turn_in_every_round() -> None:
    order = list(turns("abc", 4))
    assert all(sorted(order[at : at + 3]) == ["a", "b", "c"] for at in range(0, 12, 3))
