"""The examples run without arguments and print what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from memstat.comparing import bench_file
from tests.comparing.made import measured
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


@pytest.mark.calm("the process that it watches grows by the clock")
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


def test_a_course_is_drawn_with_its_bounds_and_walks() -> None:
    source = "import time; held = b'x' * 30_000_000; time.sleep(0.3)"
    done = subprocess.run(
        [str(EXAMPLES / "draw_course.py"), sys.executable, "-c", source],
        capture_output=True,
        env={**os.environ, "PATH": search_path()},
        timeout=60,
        check=True,
    )
    drawn = ET.fromstring(done.stdout)
    shapes = [element.tag.rpartition("}")[2] for element in drawn]
    assert {"polygon", "polyline"} < {*shapes}
    assert b"v8" in done.stdout
    assert b"MiB</text>" in done.stdout


def compare_in_ci(
    directory: Path, mib: int, *, name: str = "compare_in_ci.sh", **variables: str
) -> subprocess.CompletedProcess[str]:
    source = f"import time; held = b'x' * ({mib} << 20); time.sleep(0.1)"
    return subprocess.run(
        [EXAMPLES / name, "base.json", sys.executable, "-c", source],
        capture_output=True,
        text=True,
        cwd=directory,
        env={**os.environ, "PATH": search_path(), "RUNS": "3", **variables},
        timeout=100,
        check=False,
    )


def test_a_comparison_in_ci_makes_a_baseline_and_fails_for_a_growth(tmp_path: Path) -> None:
    table = tmp_path / "summary.md"
    made = compare_in_ci(tmp_path, 20)
    assert made.stdout == "base.json was made: there is nothing to compare with yet\n"
    again = compare_in_ci(tmp_path, 20, UPDATE="1")
    assert again.returncode == 0
    assert "| unchanged |" in again.stdout
    assert "base.json has 5 runs now" in again.stderr
    # The command is another one by its text; it is the only one all the same.
    more = compare_in_ci(tmp_path, 40, GITHUB_STEP_SUMMARY=str(table))
    assert (more.returncode, more.stdout) == (1, "")
    assert more.stderr.endswith("failed: it uses more memory than before\n")
    assert "| **regression** |" in table.read_text()


def test_a_comparison_in_ci_with_another_kernel_begins_anew(tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    older = bench_file.encode([measured(10, kernel="4.18.0")], "0.1.0")
    base.write_text(older)
    done = compare_in_ci(tmp_path, 10, RUNS="1")
    assert (done.returncode, base.read_text()) == (0, older)
    assert "the kernels differ: Linux 4.18 and " in done.stdout
    assert done.stderr.endswith("not comparable with base.json: nothing is known\n")
    compare_in_ci(tmp_path, 10, RUNS="1", UPDATE="1")
    assert "4.18.0" not in base.read_text()


def test_the_workflow_runs_what_is_there(tmp_path: Path) -> None:
    workflow = yaml.safe_load((EXAMPLES / "github_workflow.yml").read_text())
    (job,) = workflow["jobs"].values()
    (install, compare) = (step["run"] for step in job["steps"] if "run" in step)
    assert install == "pip install memstat"
    # YAML of today reads the key "on" as true.
    assert workflow[True].keys() == {"pull_request", "push"}
    base = tmp_path / "base.json"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", compare],
        env={**os.environ, "PATH": search_path(), "BASE": str(base), "IS_MAIN": "", "RUNS": "1"},
        cwd=EXAMPLES.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("was made: there is nothing to compare with yet\n")
    assert base.exists()


def test_every_example_is_tested() -> None:
    sources = Path(__file__).parent.glob("test_examples*.py")
    tested = re.findall(r"\b(\w+\.(?:py|sh|yml))\"", "".join(path.read_text() for path in sources))
    assert {path.name for path in EXAMPLES.glob("*.*")} == set(tested)
