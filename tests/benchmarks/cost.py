"""What ``memstat get -rw`` takes itself while it watches: CPU time, and the ticks that it misses.

    python -m tests.benchmarks.cost [--processes N] [--seconds S] [--rounds ROUNDS]

The cases take turns, each with processes of 1 MiB that do nothing. Figures are medians, in per cent
of one core from a second after the first snapshot on, when all is settled, and of the ticks. Only
``--json`` shows what is missed, and costs more: it is used where that is asked. ``bare loop`` is a
Python that sleeps until each tick and prints a line: what the machine leaves to any program.
``reading loop`` is an event loop that reads the files of a glance, and wakes a task that prints a
line: what is left for all that memstat does with them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import IO, Final, NamedTuple

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
_READING_LOOP: Final = """
import os, sys, anyio
interval_s = 1 / float(sys.argv[1])
names = [f"/proc/{pid}/{name}" for pid in sys.argv[2:] for name in ("statm", "schedstat")]
files = [os.open(name, os.O_RDONLY) for name in ("/proc/loadavg", *names)]
woken = anyio.Event()
async def write_lines():
    global woken
    while True:
        await woken.wait()
        woken = anyio.Event()
        print("Total: 1024 kB", flush=True)
async def main():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write_lines)
        while True:
            for file in files:
                os.pread(file, 448, 0)
            woken.set()
            await anyio.sleep(interval_s)
anyio.run(main)
"""
_SETTLED_S: Final = 1.0


class Case(NamedTuple):
    """A herd that is watched, and how often."""

    processes: int
    hertz: int
    cpu: Goal = at_most()
    missed: Goal = at_most()
    is_json: bool = False
    loop: str = ""
    """The program that runs in place of memstat."""
    unrelated: bool = False
    """Whether they share nothing: no glance then has to prove that none has written to a page."""

    @property
    def name(self) -> str:
        kind = "unrelated processes" if self.unrelated else "processes"
        what = f"{self.processes} {kind}"
        if self.loop:
            what = "bare loop" if self.loop == _BARE_LOOP else f"reading loop, {what}"
        return f"{what}, {self.hertz} Hz{', --json' if self.is_json else ''}"

    def command(self, pid: int) -> Sequence[str]:
        if self.loop:
            children = psutil.Process(pid).children(recursive=True)
            pids = [str(one) for one in (pid, *(child.pid for child in children))]
            return (sys.executable, "-c", self.loop, str(self.hertz), *pids)
        options = ("--json",) if self.is_json else ()
        return (memstat_path(), "get", "-rw", *options, "-f", str(self.hertz), str(pid))


def cases(processes: int) -> Sequence[Case]:
    return (
        Case(processes, 10, cpu=at_most(must=3, want=2)),
        Case(processes, 10, loop=_READING_LOOP),
        Case(processes, 10, cpu=at_most(must=3, want=2), unrelated=True),
        Case(10, 50, cpu=at_most(must=2.5, want=1.5)),
        Case(10, 50, loop=_READING_LOOP),
        Case(1, 1000, missed=at_most(must=5, want=1), is_json=True),
        Case(1, 1000, is_json=True, loop=_BARE_LOOP),
    )


def watch(case: Case, pid: int, seconds: float) -> tuple[float, float]:
    """Return the CPU time of a watch and the ticks that it missed, both in per cent."""
    with subprocess.Popen(case.command(pid), stdout=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        watching.stdout.readline()
        first = _read_on(watching.stdout, min(_SETTLED_S, seconds))
        began_s, before_s = time.monotonic(), cpu_s(watching.pid)
        last = _read_on(watching.stdout, seconds)
        took_s, used_s = time.monotonic() - began_s, cpu_s(watching.pid) - before_s
        watching.kill()
    return 100 * used_s / took_s, _missed_percent(first, last) if case.is_json else 0.0


def _read_on(lines: IO[bytes], seconds: float) -> bytes:
    """Read lines for so long, and return the last one."""
    until_s = time.monotonic() + seconds
    line = lines.readline()
    while time.monotonic() < until_s:
        line = lines.readline()
    return line


def cpu_s(pid: int) -> float:
    """Return the CPU time of all threads of a process: ``stat`` has it by hundredths only."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


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
