"""What it takes to start memstat, beside a Python that imports asyncio and ends.

    python -m tests.benchmarks.startup [--rounds ROUNDS]

The commands take turns; figures are medians of the wall time from start to exit.
``this/asyncio`` is the time of this row divided by that of ``import asyncio``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from tests.benchmarks.side_by_side import Times, against_goal, machine, table, turns
from tests.targets import memstat_path

_ASYNCIO: Final = "python -c 'import asyncio'"
_GOALS: Final = {
    "memstat get PID": 1.05,
    "python -m memstat get PID": 1.05,
    "memstat run -- true": 1.8,
}


def commands(pid: int) -> Mapping[str, Sequence[str]]:
    return {
        "python -c pass": (sys.executable, "-c", "pass"),
        _ASYNCIO: (sys.executable, "-c", "import asyncio"),
        "memstat get PID": (memstat_path(), "get", str(pid)),
        "python -m memstat get PID": (sys.executable, "-m", "memstat", "get", str(pid)),
        "memstat run -- true": (memstat_path(), "run", "--no-peak", "--", "true"),
    }


def _run(command: Sequence[str]) -> None:
    # Code that is installed is compiled, whatever this environment says of checkouts.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)


def measure(rounds: int) -> Mapping[str, float]:
    """Return the median time of each command, in seconds."""
    contenders = commands(os.getpid())
    times = Times(contenders)
    for command in contenders.values():
        _run(command)  # Compiles what is not compiled yet.
    for name in turns(contenders, rounds):
        with times.of(name):
            _run(contenders[name])
    return times.medians_s()


def report(medians_s: Mapping[str, float]) -> str:
    rows = [
        (
            name,
            f"{time_s * 1e3:.1f}",
            *against_goal(time_s / medians_s[_ASYNCIO], _GOALS.get(name)),
        )
        for name, time_s in medians_s.items()
    ]
    return table(("", "ms", "this/asyncio", "goal"), rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.startup")
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args(arguments).rounds
    print(machine())
    print(f"\n{rounds} rounds")
    print(report(measure(rounds)))


if __name__ == "__main__":
    main()
