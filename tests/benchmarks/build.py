"""How much longer a build takes under ``memstat run -r``: ``make -j2`` of a C++ project.

    python -m tests.benchmarks.build [--files N] [--headers NAME ...] [--rounds ROUNDS]

Each of twelve generated files takes about a second to compile. Figures are medians. ``this/make``
is the time of this row divided by that of ``make`` alone. ``by CPU time`` is the same for the CPU
time of all processes, memstat's too, which depends less on what else the machine does.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.side_by_side import Times, at_most, machine, table, turns
from tests.targets import memstat_path

_HEADERS: Final = ("algorithm", "functional", "iostream", "map", "string", "vector")
_MAKE: Final = "make -j2"
_MEMSTAT: Final = "memstat run -r -- make -j2"
_COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    _MAKE: ("make", "-j2"),
    _MEMSTAT: (memstat_path(), "run", "-r", "--", "make", "-j2"),
    "memstat run -r --exact -- make -j2": (
        *(memstat_path(), "run", "-r", "--exact"),
        *("--", "make", "-j2"),
    ),
}
_GOAL: Final = at_most(must=1.02, want=1.01)

_MAKEFILE: Final = """
OBJECTS := $(patsubst %.cpp,%.o,$(wildcard *.cpp))
all: $(OBJECTS)
%.o: %.cpp
\tg++ -O1 -c $< -o $@
.PHONY: all
"""


def generate(project: Path, files: int, headers: Sequence[str]) -> None:
    """Write a project of so many files that include these headers."""
    (project / "Makefile").write_text(_MAKEFILE)
    includes = "".join(f"#include <{header}>\n" for header in headers)
    for number in range(files):
        (project / f"file{number}.cpp").write_text(f"{includes}int number{number} = {number};\n")


def build(project: Path, command: Sequence[str]) -> None:
    ran = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def children_cpu_s() -> float:
    """Return the CPU time of all that was started and has ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(files: int, headers: Sequence[str], rounds: int) -> tuple[Times, Times]:
    """Return how long each command took, and the CPU time of it and its descendants."""
    times, cpu_times = Times(_COMMANDS), Times(_COMMANDS)
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory)
        generate(project, files, headers)
        for name in turns(_COMMANDS, rounds):
            for built in project.glob("*.o"):
                built.unlink()
            with times.of(name), cpu_times.of(name, children_cpu_s):
                build(project, _COMMANDS[name])
    return times, cpu_times


def report(times: Times, cpu_times: Times) -> str:
    medians_s, cpu_medians_s = times.medians_s(), cpu_times.medians_s()
    rows = [
        (
            name,
            f"{time_s:.2f}",
            f"{cpu_medians_s[name] / cpu_medians_s[_MAKE]:.2f}",
            *_GOAL.cells(time_s / medians_s[_MAKE], judge=name == _MEMSTAT),
        )
        for name, time_s in medians_s.items()
    ]
    return table(("", "s", "by CPU time", "this/make", "goal"), rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.build")
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--headers", metavar="NAME", nargs="+", default=_HEADERS)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    print(machine())
    print(f"\n{chosen.files} files, {chosen.rounds} rounds")
    print(report(*measure(chosen.files, chosen.headers, chosen.rounds)))


if __name__ == "__main__":
    main()
