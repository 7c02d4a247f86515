"""The examples run without arguments and print what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.targets import memstat, search_path

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_shared_memory_adds_up() -> None:
    output = run_example("shared_memory.py")
    rows = re.findall(r": +([\d.]+) MB, expected +(\d+)$", output, re.MULTILINE)
    assert [int(expected) for _, expected in rows] == [90, 60, 150]
    for grown, expected in rows:
        assert float(grown) == pytest.approx(int(expected), rel=0.02)


@pytest.mark.alone("the process that it watches grows by the clock")
def test_watch_pid_tells_growth_and_peak() -> None:
    output = run_example("watch_pid.py")
    *steps, peak = output.splitlines()
    sizes = [float(re.fullmatch(r" +[\d.]+ s  ([\d.]+) MiB", step)[1]) for step in steps]  # type: ignore[index]
    assert len(sizes) >= 3
    assert sizes[-1] > sizes[0] + 20
    found = re.fullmatch(r"peak ([\d.]+) MiB after [\d.]+ s", peak)
    assert found is not None
    assert float(found[1]) >= max(sizes) - 0.5


def test_fork_tree_is_seen_whole() -> None:
    assert run_example("fork_tree.py") == ""
    done = memstat("run", "-r", "-v", "--only-peak", sys.executable, str(EXAMPLES / "fork_tree.py"))
    assert done.returncode == 0
    *processes, total = done.stdout.splitlines()
    assert len(processes) == 5
    found = re.fullmatch(r"Total: ~?(\d+) kB", total)
    assert found is not None
    assert int(found[1]) > 4 * 20 * 1024


def limit_in_ci(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EXAMPLES / "limit_in_ci.sh", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": search_path()},
        timeout=60,
        check=False,
    )


def test_a_limit_in_ci_that_is_kept() -> None:
    done = limit_in_ci()
    assert (done.returncode, done.stdout) == (0, "passed, with less than 200MiB\n")
    assert done.stderr.startswith("Peak:\n")


def test_a_limit_in_ci_that_is_exceeded() -> None:
    done = limit_in_ci("30 MiB")
    assert (done.returncode, done.stdout) == (124, "")
    assert "memstat: the limit of 30.0 MiB was exceeded" in done.stderr
    assert done.stderr.endswith("failed: more than 30 MiB\n")


def test_a_limit_in_ci_and_a_command_that_fails_by_itself() -> None:
    done = limit_in_ci("1GiB", "sh", "-c", "exit 7")
    assert done.returncode == 7
    assert done.stderr.endswith("failed with status 7, and not for memory\n")


def test_every_example_is_tested() -> None:
    sources = Path(__file__).parent.glob("test_examples*.py")
    tested = re.findall(r"\b(\w+\.(?:py|sh))\"", "".join(path.read_text() for path in sources))
    assert {path.name for path in EXAMPLES.glob("*.*")} == set(tested)
