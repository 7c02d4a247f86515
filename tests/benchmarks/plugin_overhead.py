"""What ``pytest --memstat`` adds to a suite: by default 1,000 empty tests.

Usage: python -m tests.benchmarks.plugin_overhead [--rounds N] [--tests N] [FOLDER -- PYTEST...]

With a folder, its own suite is run there by the command after ``--``, by default
``python -m pytest``. With and without take turns, after one run of each that does not count and
leaves compiled files, as an installation has them. The CPU time is that of pytest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks.side_by_side import turns

WITHOUT, WITH = "without", "with --memstat"
OPTIONS = {WITHOUT: (), WITH: ("--memstat",)}


def seconds(
    folder: Path, command: Sequence[str], options: Sequence[str], env: Mapping[str, str]
) -> tuple[float, float]:
    """Run a suite and return how long it took, and its CPU time; it must pass."""
    with tempfile.TemporaryFile("w+") as output:
        began_s = time.perf_counter()
        process = subprocess.Popen(
            [*command, "-q", "-p", "no:cacheprovider", *options],
            cwd=folder,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        took_s = time.perf_counter() - began_s
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        assert process.returncode == 0, output.read()
    return took_s, usage.ru_utime + usage.ru_stime


def compare(folder: Path, command: Sequence[str], rounds: int) -> dict[str, tuple[float, float]]:
    """Return the median seconds and CPU seconds of both."""
    with tempfile.TemporaryDirectory() as compiled:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        for options in OPTIONS.values():
            seconds(folder, command, options, env)
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in OPTIONS}
        for name in turns(tuple(OPTIONS), rounds):
            took[name].append(seconds(folder, command, OPTIONS[name], env))
    return {
        name: (median([wall_s for wall_s, _ in times]), median([cpu_s for _, cpu_s in times]))
        for name, times in took.items()
    }


def main() -> None:
    """Print both medians, their ratio, and what one empty test costs more."""
    arguments = sys.argv[1:]
    at = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tests", type=int, default=1000)
    parsed = parser.parse_args(arguments[:at])
    command = arguments[at + 1 :] or [sys.executable, "-m", "pytest"]
    with tempfile.TemporaryDirectory() as made:
        folder = parsed.folder or Path(made)
        if parsed.folder is None:
            tests = (f"def test_{number}(): pass\n" for number in range(parsed.tests))
            (folder / "test_empty.py").write_text("".join(tests))
        medians = compare(folder, command, parsed.rounds)
    wall_s, cpu_s = medians[WITHOUT]
    for name, (took_s, used_s) in medians.items():
        print(
            f"{name:16} {took_s:8.3f} s {took_s / wall_s:6.3f}"
            f"  CPU {used_s:8.3f} s {used_s / cpu_s:6.3f}"
        )
    if parsed.folder is None:
        more_s = [more - less for more, less in zip(medians[WITH], medians[WITHOUT], strict=True)]
        more_ms = [1000 * more / parsed.tests for more in more_s]
        print(f"{more_ms[0]:.3f} ms for each empty test, {more_ms[1]:.3f} ms of CPU time")


if __name__ == "__main__":
    main()
