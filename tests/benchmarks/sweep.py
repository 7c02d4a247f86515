"""What a sweep costs: memstat beside other ways to read the memory of a process tree.

    python -m tests.benchmarks.sweep [N ...] [--busy PERCENT ...] [--kinds KIND ...] [--rounds N]

For each N the ways take turns at N processes of 1 MiB, forked from one another or unrelated. Before
each turn so many per cent of them write to a fresh page: what has not changed is cheaper to read
again. Figures are medians. ``memstat/this`` is memstat's time divided by that of this row, so below
1 memstat is faster. ``by CPU time`` is the same for the CPU times, which depend less on what else
the machine does: memstat reads in threads, and waits for a core more often than the others.

Only memstat and psutil find the tree themselves, only these and ``smaps`` parse what they read;
the others are given the PIDs and only read ``smaps_rollup``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

import aiofiles
import anyio
import psutil

from memstat.model import ProcessKey, ReadStatus
from memstat.proc.descriptors import raise_descriptor_limit
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.clock import Tick
from memstat.sampling.policy import EXACT, GENTLE, Policy
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweeper
from tests.benchmarks.herd import Herd, herd_of
from tests.benchmarks.programs import READER
from tests.benchmarks.side_by_side import Goal, Times, at_most, machine, table, turns
from tests.scopes import scope_of
from tests.targets import Target, compile_c

_SIZES: Final = (10, 100, 500, 1000)
_INTERVAL_S: Final = 0.1
_KINDS: Final = ("unrelated", "forked")
_IN_C: Final = "C, open/read/close"
_GOALS: Final = {
    "one thread, open/read/close": at_most(must=0.8, want=0.8),
    "psutil": at_most(must=0.35, want=0.35),
}
_GOALS_WHEN_IDLE: Final = {
    "unrelated": {_IN_C: at_most(must=0.25, want=0.12)},
    "forked": {_IN_C: at_most(must=0.4, want=0.3)},
}
_GOALS_FROM: Final = 100
"""Processes. A few are read within the time that it takes to wake a thread."""

Way = Callable[[], Awaitable[int]]
"""Measures a herd once and returns how many processes it saw."""


async def read_in_one_thread(pids: Sequence[int]) -> int:
    seen = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            seen += bool(file.read())
    return seen


async def read_in_tasks(pids: Sequence[int]) -> int:
    texts: list[bytes] = []

    async def read(pid: int) -> None:
        async with aiofiles.open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            texts.append(await file.read())

    async with anyio.create_task_group() as tasks:
        for pid in pids:
            tasks.start_soon(read, pid)
    return sum(map(bool, texts))


async def ask_psutil(pid: int) -> int:
    target = psutil.Process(pid)
    processes = [target, *target.children(recursive=True)]
    return sum(process.memory_full_info().pss > 0 for process in processes)


async def parse_smaps(pids: Sequence[int]) -> int:
    seen = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps", "rb") as file:
            pss_kib = sum(int(line.split()[1]) for line in file if line.startswith(b"Pss:"))
        seen += pss_kib > 0
    return seen


async def sample(sampler: Sampler) -> int:
    await sampler._sample(Tick(0, 0.0, 0))
    snapshot = sampler.snapshots.value
    assert snapshot is not None
    return sum(process.status is ReadStatus.MEASURED for process in snapshot.processes)


async def read_in_c(reader: Target, size: int) -> int:
    reader.send("")
    return size if float(reader.line()) else 0


@contextmanager
def reader_in_c(pids: Sequence[int]) -> Iterator[Target]:
    """Start a program that reads these processes, file by file, when a line is sent."""
    with tempfile.TemporaryDirectory() as directory:
        program = compile_c(READER, Path(directory))
        reader = Target.start(str(program), *map(str, pids))
        try:
            reader.line()
            yield reader
        finally:
            reader.kill()


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process of one thread, in seconds; more exact than ``stat`` is."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) * 1e-9


@contextmanager
def memstat_sampler(pid: int, policy: Policy) -> Iterator[Sampler]:
    source = LinuxProcSource()
    root = source.require(pid)
    sweeper = Sweeper(source, scope_of(ProcessKey(root.pid, root.start_ticks)), policy)
    try:
        yield Sampler(sweeper, _INTERVAL_S, has_ended=lambda _: False)
    finally:
        sweeper.close()


@contextmanager
def ways_to_measure(herd: Herd) -> Iterator[tuple[Mapping[str, Way], Target]]:
    """Yield the ways by name, and the reader in C."""
    pids = herd.pids()
    with (
        memstat_sampler(herd.pid, GENTLE) as gentle,
        memstat_sampler(herd.pid, EXACT) as exact,
        reader_in_c(pids) as reader,
    ):
        ways = {
            "memstat": partial(sample, gentle),
            "memstat, --exact": partial(sample, exact),
            _IN_C: partial(read_in_c, reader, len(pids)),
            "one thread, open/read/close": partial(read_in_one_thread, pids),
            "aiofiles, a task a process": partial(read_in_tasks, pids),
            "psutil": partial(ask_psutil, herd.pid),
            "parsing smaps": partial(parse_smaps, pids),
        }
        yield ways, reader


async def measure(herd: Herd, *, busy_percent: int, rounds: int) -> tuple[Times, Times]:
    """Return how long each way took, and its CPU time."""
    with ways_to_measure(herd) as (ways, reader):
        times, cpu_times = Times(ways), Times(ways)
        clocks = {_IN_C: partial(cpu_s, reader.pid)}
        for name in ways:
            await ways[name]()
        for name in turns(ways, rounds):
            herd.stir(busy_percent)
            with times.of(name), cpu_times.of(name, clocks.get(name, time.process_time)):
                seen = await ways[name]()
            assert seen == herd.size, f"{name} saw {seen} of {herd.size} processes"
    return times, cpu_times


def goals_for(size: int, kind: str, busy_percent: int) -> Mapping[str, Goal]:
    if size < _GOALS_FROM:
        return {}
    return _GOALS | (_GOALS_WHEN_IDLE[kind] if busy_percent == 0 else {})


def report(times: Times, cpu_times: Times, size: int, goals: Mapping[str, Goal]) -> str:
    medians_s, cpu_medians_s = times.medians_s(), cpu_times.medians_s()
    rows = [
        (
            name,
            f"{time_s * 1e3:.2f}",
            f"{time_s * 1e6 / size:.1f}",
            f"{cpu_medians_s['memstat'] / cpu_medians_s[name]:.2f}",
            *goals.get(name, at_most()).cells(medians_s["memstat"] / time_s),
        )
        for name, time_s in medians_s.items()
    ]
    return table(("", "ms/sweep", "us/process", "by CPU time", "memstat/this", "goal"), rows)


async def main(
    sizes: Sequence[int], kinds: Sequence[str], busy_percents: Sequence[int], rounds: int | None
) -> None:
    raise_descriptor_limit()
    print(machine())
    for size, kind in product(sizes, kinds):
        with herd_of(size, unrelated=kind == "unrelated") as herd:
            for percent in busy_percents:
                count = rounds or max(20, 10_000 // size)
                print(f"\n{size} {kind} processes, {percent} % busy, {count} rounds")
                measured = await measure(herd, busy_percent=percent, rounds=count)
                print(report(*measured, size, goals_for(size, kind, percent)), flush=True)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.sweep")
    parser.add_argument("sizes", metavar="N", type=int, nargs="*", default=_SIZES)
    parser.add_argument("--busy", metavar="PERCENT", type=int, nargs="+", default=(0, 100))
    parser.add_argument("--kinds", choices=_KINDS, nargs="+", default=_KINDS)
    parser.add_argument("--rounds", type=int, help="by default the more, the fewer processes")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    chosen = parse_arguments()
    anyio.run(main, chosen.sizes, chosen.kinds, chosen.busy, chosen.rounds)
