"""What ``memstat get -rw`` takes itself while it watches: CPU time, and the ticks that it misses.

    python -m tests.benchmarks.cost [--processes N] [--seconds S] [--rounds ROUNDS]

The cases take turns, each with processes of 1 MiB that do nothing. Figures are medians, in per cent
of one core from the first snapshot on, and of the ticks. Only ``--json`` shows what is missed, and
costs more: it is used where that is asked. ``bare loop`` is a Python that sleeps until each tick
and prints a line: what the machine leaves to any program.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Final, NamedTuple

import psutil

from tests.benchmarks.herd import herd_of
from tests.benchmarks.side_by_side import Goal, at_most, machine, table, turns
from tests.targets import memstat_path

_BARE_LOOP: Final = """
import json, sys, time
interval_s = 1 / float(sys.argv[1])
began_s = time.monotonic()
tick = missed = 0
while True:
    print(json.dumps({"tick": tick, "missed_ticks": missed}), flush=True)
    late = int((time.monotonic() - began_s) / interval_s) - tick
    missed += late
    tick += late + 1
    time.sleep(max(0, began_s + tick * interval_s - time.monotonic()))
"""


class Case(NamedTuple):
    """A herd that is watched, and how often."""

    processes: int
    hertz: int
    cpu: Goal = at_most()
    missed: Goal = at_most()
    is_json: bool = False
    is_bare: bool = False
    unrelated: bool = False
    """Whether they share nothing: no glance then has to prove that none has written to a page."""

    @property
    def name(self) -> str:
        kind = "unrelated processes" if self.unrelated else "processes"
        name = "bare loop" if self.is_bare else f"{self.processes} {kind}"
        return f"{name}, {self.hertz} Hz{', --json' if self.is_json else ''}"

    def command(self, pid: int) -> Sequence[str]:
        if self.is_bare:
            return (sys.executable, "-c", _BARE_LOOP, str(self.hertz))
        options = ("--json",) if self.is_json else ()
        return (memstat_path(), "get", "-rw", *options, "-f", str(self.hertz), str(pid))


def cases(processes: int) -> Sequence[Case]:
    return (
        Case(processes, 10, cpu=at_most(must=3, want=2)),
        Case(processes, 10, cpu=at_most(must=3, want=2), unrelated=True),
        Case(10, 50, cpu=at_most(must=2.5, want=1.5)),
        Case(1, 1000, missed=at_most(must=5, want=1), is_json=True),
        Case(1, 1000, is_json=True, is_bare=True),
    )


def watch(case: Case, pid: int, seconds: float) -> tuple[float, float]:
    """Return the CPU time of a watch and the ticks that it missed, both in per cent."""
    with subprocess.Popen(case.command(pid), stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        process = psutil.Process(watching.pid)
        first = last = watching.stdout.readline()
        began_s, before = time.monotonic(), process.cpu_times()
        while time.monotonic() - began_s < seconds:
            last = watching.stdout.readline()
        took_s, after = time.monotonic() - began_s, process.cpu_times()
        watching.kill()
    cpu_s = after.user + after.system - before.user - before.system
    return 100 * cpu_s / took_s, _missed_percent(first, last) if case.is_json else 0.0


def _missed_percent(first: bytes, last: bytes) -> float:
    before, after = json.loads(first), json.loads(last)
    missed = after["missed_ticks"] - before["missed_ticks"]
    return float(100 * missed / max(1, after["tick"] - before["tick"]))


def measure(
    chosen: Sequence[Case], seconds: float, rounds: int
) -> Mapping[Case, tuple[float, float]]:
    """Return the medians of what ``watch`` returns."""
    by_name = {case.name: case for case in chosen}
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in by_name}
    with ExitStack() as cleanup:
        herds = {(case.processes, case.unrelated) for case in chosen}
        pids = {
            (size, unrelated): cleanup.enter_context(herd_of(size, unrelated=unrelated)).pid
            for size, unrelated in herds
        }
        for name in turns(by_name, rounds):
            case = by_name[name]
            figures[name].append(watch(case, pids[case.processes, case.unrelated], seconds))
    return {
        by_name[name]: (median(cpu for cpu, _ in of_case), median(missed for _, missed in of_case))
        for name, of_case in figures.items()
    }


def report(figures: Mapping[Case, tuple[float, float]]) -> str:
    rows = [
        (
            case.name,
            *case.cpu.cells(cpu),
            *(case.missed.cells(missed) if case.is_json else ("", "")),
        )
        for case, (cpu, missed) in figures.items()
    ]
    return table(("", "CPU %", "goal", "missed %", "goal"), rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cost")
    parser.add_argument("--processes", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    print(machine())
    print(f"\n{chosen.rounds} rounds of {chosen.seconds} s")
    print(report(measure(cases(chosen.processes), chosen.seconds, chosen.rounds)))


if __name__ == "__main__":
    main()
