"""What ``pytest --memstat`` adds to a suite: by default 1,000 empty tests.

Usage: python -m tests.benchmarks.plugin_overhead [--rounds N] [--tests N] [FOLDER -- PYTEST...]

With a folder, its own suite is run there by the command after ``--``, by default
``python -m pytest``. With and without take turns, after one run of each that does not count.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks.side_by_side import turns

WITHOUT, WITH = "without", "with --memstat"
OPTIONS = {WITHOUT: (), WITH: ("--memstat",)}


def seconds(folder: Path, command: Sequence[str], options: Sequence[str]) -> float:
    """Run a suite and return how long it took; it must pass."""
    began_s = time.perf_counter()
    done = subprocess.run(
        [*command, "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    took_s = time.perf_counter() - began_s
    assert done.returncode == 0, done.stdout + done.stderr
    return took_s


def compare(folder: Path, command: Sequence[str], rounds: int) -> dict[str, float]:
    """Return the median seconds of both."""
    for options in OPTIONS.values():
        seconds(folder, command, options)
    took: dict[str, list[float]] = {name: [] for name in OPTIONS}
    for name in turns(tuple(OPTIONS), rounds):
        took[name].append(seconds(folder, command, OPTIONS[name]))
    return {name: median(times) for name, times in took.items()}


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
    for name, took_s in medians.items():
        print(f"{name:16} {took_s:8.3f} s {took_s / medians[WITHOUT]:6.3f}")
    if parsed.folder is None:
        more_ms = 1000 * (medians[WITH] - medians[WITHOUT]) / parsed.tests
        print(f"{more_ms:.3f} ms for each empty test")


if __name__ == "__main__":
    main()
