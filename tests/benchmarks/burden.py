"""What measuring does to a program: how fast it still is, and how long it is held up at most.

    python -m tests.benchmarks.burden [--size MIB] [--saver MIB] [--seconds S] [--rounds ROUNDS]

``busy`` writes to random pages of 4 GB, and maps and unmaps memory now and then; ``saver`` writes
to 1 GB and forks a child again and again that reads it all. Observers take turns, each at 10 Hz
and for so many seconds. They have begun before: the first look of memstat, at all pages, does not
count, those that it repeats every ten seconds do. The time for which a program waits for a core is
left out of its speed, but not of its longest operation. Figures are medians. The last columns are
both, divided by those without an observer.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks.observers import COMMANDS, MEMSTAT, UNOBSERVED, watched_by
from tests.benchmarks.programs import BUSY, SAVER
from tests.benchmarks.side_by_side import Goal, at_least, at_most, machine, table, turns
from tests.targets import Target, compile_c

_SPEED: Final = at_least(must=0.97, want=0.99)
_LONGEST: Final = {"busy": at_most(must=1.5, want=1.1), "saver": None}

Figures = Mapping[str, tuple[float, float]]
"""By observer: operations a second, and the seconds of the longest."""


def measure(source: str, size_mib: int, seconds: float, rounds: int) -> Figures:
    with tempfile.TemporaryDirectory() as directory:
        program = compile_c(source, Path(directory))
        target = Target.start(str(program), str(size_mib))
        try:
            target.line()
            return _compare(target, seconds, rounds)
        finally:
            target.kill()


def _compare(target: Target, seconds: float, rounds: int) -> Figures:
    speeds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    longest_s: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for name in turns(COMMANDS, rounds):
        with watched_by(COMMANDS[name], target.pid):
            target.send(str(seconds))
            speed, longest = map(float, target.line().split())
        speeds[name].append(speed)
        longest_s[name].append(longest)
    return {name: (median(speeds[name]), median(longest_s[name])) for name in COMMANDS}


def report(figures: Figures, longest_goal: Goal | None) -> str:
    speed_alone, longest_alone_s = figures[UNOBSERVED]
    rows = []
    for name, (speed, longest_s) in figures.items():
        is_ours = name == MEMSTAT
        rows.append(
            (
                name,
                f"{speed:.0f}",
                f"{longest_s * 1e3:.1f}",
                *_SPEED.cells(speed / speed_alone, judge=is_ours),
                *(longest_goal or at_most()).cells(longest_s / longest_alone_s, judge=is_ours),
            )
        )
    return table(("", "ops/s", "longest ms", "speed", "goal", "longest", "goal"), rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.burden")
    parser.add_argument("--size", type=int, default=4096, help="of busy, in MiB; 0 leaves it out")
    parser.add_argument("--saver", type=int, default=1024, help="of saver, likewise")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    print(machine())
    programs = {"busy": (BUSY, chosen.size), "saver": (SAVER, chosen.saver)}
    for name, (source, size_mib) in programs.items():
        if size_mib:
            print(f"\n{name}, {size_mib} MiB, {chosen.rounds} rounds of {chosen.seconds} s")
            figures = measure(source, size_mib, chosen.seconds, chosen.rounds)
            print(report(figures, _LONGEST[name]), flush=True)


if __name__ == "__main__":
    main()
