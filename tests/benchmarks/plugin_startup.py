"""What the pytest plugin costs where it is not used.

Run it by ``python -m tests.benchmarks.plugin_startup``: ``pytest --collect-only`` of a file with
one empty test, with the plugin and without, in turns.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROUNDS: Final = 30


def run_s(directory: Path, *options: str) -> float:
    """Return the CPU time of one pytest in seconds, which the load of others hardly changes."""
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    before_s = children_s()
    subprocess.run([*command, *options], cwd=directory, check=True, stdout=subprocess.DEVNULL)
    return children_s() - before_s


def children_s() -> float:
    """Return the CPU time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print both medians and their difference."""
    with_s, without_s = [], []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "test_empty.py").write_text("def test_nothing(): pass\n")
        # Nothing but pytest and this plugin.
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        # As after an installation: compiled once.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        run_s(directory, "-p", "memstat.pytest_plugin")
        for _ in range(ROUNDS):
            with_s.append(run_s(directory, "-p", "memstat.pytest_plugin"))
            without_s.append(run_s(directory))
    with_ms, without_ms = (1000 * statistics.median(times) for times in (with_s, without_s))
    print(f"with the plugin     {with_ms:6.1f} ms")
    print(f"without the plugin  {without_ms:6.1f} ms")
    print(f"difference          {with_ms - without_ms:6.1f} ms")


if __name__ == "__main__":
    main()
