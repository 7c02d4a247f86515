"""What a tick for one process takes on a machine with 4,000 others, and with 100.

    python -m tests.benchmarks.crowd [--few N] [--many N] [--seconds S] [--rounds ROUNDS]

Ticks are 100 ms apart and take in the listings of all processes that are made now and then, so the
mean over all ticks of a turn is what counts. The crowds take turns; figures are medians of turns.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Final

import anyio

from memstat.model import ProcessKey
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.policy import GENTLE
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweeper
from tests.benchmarks.programs import CROWD
from tests.benchmarks.side_by_side import at_most, machine, table, turns
from tests.scopes import scope_of
from tests.targets import Target, compile_c, python

_INTERVAL_S: Final = 0.1
_MORE_MS: Final = at_most(must=0.2, want=0.05)
_IDLE: Final = "print('ready'); input()"


async def tick_s(pid: int, seconds: float) -> float:
    """Return how long a tick took on average."""
    source = LinuxProcSource()
    root = source.require(pid)
    sweeper = Sweeper(source, scope_of(ProcessKey(root.pid, root.start_ticks)), GENTLE)
    sampler = Sampler(sweeper, _INTERVAL_S, has_ended=lambda _: False)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sampler.run)
        tasks.start_soon(_stop_after, sampler, seconds)
        took_s = [snapshot.sweep_s async for snapshot in sampler.snapshots]
    # The first lists all, and opens the target.
    return mean(took_s[1:])


async def _stop_after(sampler: Sampler, seconds: float) -> None:
    await anyio.sleep(seconds)
    sampler.stop()


def measure(
    target: Target, crowds: Sequence[int], seconds: float, rounds: int
) -> Mapping[int, float]:
    figures: dict[str, list[float]] = {str(size): [] for size in crowds}
    with tempfile.TemporaryDirectory() as directory:
        program = compile_c(CROWD, Path(directory))
        for size in turns(figures, rounds):
            crowd = Target.start(str(program), size)
            try:
                crowd.line()
                figures[size].append(anyio.run(partial(tick_s, target.pid, seconds)))
            finally:
                crowd.kill()
    return {int(size): median(means_s) for size, means_s in figures.items()}


def report(means_s: Mapping[int, float]) -> str:
    least_s = means_s[min(means_s)]
    rows = [
        (
            f"{size} others",
            f"{tick * 1e3:.3f}",
            *_MORE_MS.cells((tick - least_s) * 1e3, judge=size > min(means_s), digits=3),
        )
        for size, tick in means_s.items()
    ]
    return table(("", "ms/tick", "more", "goal"), rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.crowd")
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=4000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    print(machine())
    print(f"\n{chosen.rounds} rounds of {chosen.seconds} s")
    target = Target.start(*python(_IDLE))
    try:
        target.line()
        crowds = (chosen.few, chosen.many)
        print(report(measure(target, crowds, chosen.seconds, chosen.rounds)))
    finally:
        target.kill()


if __name__ == "__main__":
    main()
