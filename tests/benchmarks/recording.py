"""Recordings: their size, what they cost beside the sampling, how they are read, and SIGKILL.

    python -m tests.benchmarks.recording [--processes N] [--ticks T] [--seconds S] [--kills K]

Sizes are those of an hour at 10 Hz, of which ``--ticks`` are made up: at each, 5 % (idle) or 25 %
(busy) of the processes change, and all are walked every five seconds. The cost is the CPU time of
making lines of what a sampler has read in ``--seconds`` of real processes that do nothing, and
packing them, in per cent of the CPU time of the sampler. An hour of the idle recording is then read
in a process of its own. Each of the ``--kills`` ends a recorder at a random moment.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import memstat
from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.proc.tree import Scope
from memstat.recording.header import Header, Host
from memstat.recording.script import Script
from memstat.sampling.clock import TickGrid
from memstat.sampling.policy import GENTLE
from memstat.sampling.sums import add_up
from memstat.sampling.sweep import Sweeper
from tests.benchmarks.herd import herd_of
from tests.benchmarks.side_by_side import at_most, machine, table
from tests.recording.killing import killed_recorder

_KIB: Final = 1024
_BATCH: Final = 8
"""Ticks that are written at once, at 10 Hz."""
_HOUR: Final = 36_000
"""Ticks of an hour."""
_MINUTE: Final = 600
_HEADER: Final = Header("0", 0.0, 0.1, Host("node"))
_READ: Final = """
import memstat, sys, time
recording = memstat.load(sys.argv[1])
began_s = time.process_time()
samples, peak = recording.stats.samples, recording.peak
cpu_s = time.process_time() - began_s
with open("/proc/self/status") as status:
    (mark,) = [line.split()[1] for line in status if line.startswith("VmHWM")]
print(samples, cpu_s, int(mark) / 1024)
"""


def course(processes: int, ticks: int, busy: float) -> Iterator[Snapshot]:
    """Yield made-up snapshots, of which so many processes change."""
    chance = random.Random(0)
    samples = [_process(chance, 1000 + number) for number in range(processes)]
    walked_s = 0.0
    for tick in range(ticks):
        elapsed_s = round(tick / 10 + chance.random() / 500, 6)
        is_walk = tick % 50 == 0
        if is_walk:
            walked_s = elapsed_s
        for at in chance.sample(range(processes), round(processes * busy)):
            samples[at] = _changed(chance, samples[at])
        seen = tuple([replace(one, walk_age_s=elapsed_s - walked_s) for one in samples])
        yield Snapshot(
            tick=tick,
            unix_time_s=1.7e9 + elapsed_s,
            elapsed_s=elapsed_s,
            late_s=chance.random() / 500,
            missed_ticks=0,
            sweep_s=chance.random() / 100,
            complete=True,
            total=add_up(seen),
            processes=seen,
            walk_s=0.05 if is_walk else None,
            held_share=0.0123,
        )


def _process(chance: random.Random, pid: int) -> ProcessSample:
    rss, name = (
        chance.randrange(2000, 80_000),
        chance.choice(["python3", "cc1", "make", "postgres"]),
    )
    sizes = [rss // 2, rss // 3, rss, rss // 3, rss // 8, 0, 0, 0, 0, rss // 2, rss // 2]
    return ProcessSample(
        ProcessKey(pid, chance.randrange(10**8)),
        name,
        ppid=1000,
        depth=1,
        status=ReadStatus.MEASURED,
        memory=Memory(*[size * _KIB for size in sizes]),
        rss_peak_bytes=rss * _KIB,
    )


def _changed(chance: random.Random, process: ProcessSample) -> ProcessSample:
    rss_bytes = (process.memory.rss_bytes or 0) + chance.randrange(-50, 100) * 4 * _KIB
    low_bytes = rss_bytes // 2 // _KIB * _KIB
    memory = replace(
        process.memory,
        rss_bytes=rss_bytes,
        pss_bytes=low_bytes + 3 * _KIB,
        pss_low_bytes=low_bytes,
        pss_high_bytes=low_bytes + chance.randrange(4, 500) * _KIB,
    )
    mark_bytes = max(rss_bytes, process.rss_peak_bytes or 0)
    return replace(process, memory=memory, rss_peak_bytes=mark_bytes)


def packed(snapshots: Sequence[Snapshot]) -> list[bytes]:
    """Return what is written of snapshots, a second at a time."""
    script = Script(_HEADER, packs=True)
    batches = [snapshots[at : at + _BATCH] for at in range(0, len(snapshots), _BATCH)]
    return [script.begin(), *map(script.go_on, batches)]


def hour_megabytes(processes: int, ticks: int, busy: float) -> float:
    """Return the size of an hour."""
    size = sum(map(len, packed([*course(processes, ticks, busy)])))
    return size * _HOUR / ticks / 1e6


def cost_percent(processes: int, seconds: float) -> float:
    """Return the CPU time of recording in per cent of that of sampling."""
    with herd_of(processes) as herd:
        source = LinuxProcSource()
        scope = Scope(roots=(source.require(herd.pid).key,), recursive=True)
        sweeper, grid = Sweeper(source, scope, GENTLE, 0.1), TickGrid(0.1)
        snapshots, sampled_s, started_s = [], 0.0, round(time.monotonic(), 6)
        while grid.next_s < seconds:
            time.sleep(max(0.0, started_s + grid.next_s - time.monotonic()))
            began_s = time.process_time()
            tick = grid.begin(time.monotonic() - started_s)
            snapshots.append(sweeper.sweep(tick, started_s, interval_s=0.1, walk=False))
            sampled_s += time.process_time() - began_s
        sweeper.close()
    began_s = time.process_time()
    packed(snapshots)
    return 100 * (time.process_time() - began_s) / sampled_s


def read_hour(processes: int, ticks: int) -> tuple[float, float]:
    """Return the CPU time and the memory in MiB that reading an hour of it takes."""
    minute = packed([*course(processes, min(ticks, _MINUTE), 0.05)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "hour.jsonl.gz")
        path.write_bytes(minute[0] + b"".join(minute[1:]) * (_HOUR // min(ticks, _MINUTE)))
        command = [sys.executable, "-c", _READ, str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    samples, cpu_s, mebibytes = map(float, done.stdout.split())
    return cpu_s * _HOUR / samples, mebibytes


def lost_s(seed: int) -> tuple[bool, float]:
    """Kill a recorder; return whether gzip takes what it left, and how old its last line is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.jsonl.gz")
        with killed_recorder(path) as recorder:
            time.sleep(random.Random(seed).uniform(1.0, 3.0))
            killed_s = time.time()
            recorder.kill()
        is_whole = subprocess.run(["gzip", "-t", path], check=False).returncode == 0
        *_, last = memstat.load(path)
        return is_whole, killed_s - last.unix_time_s


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.recording")
    parser.add_argument("--processes", type=int, default=300)
    parser.add_argument("--ticks", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--kills", type=int, default=0)
    chosen = parser.parse_args(arguments)
    count, ticks = chosen.processes, chosen.ticks
    print(machine())
    cpu_s, mebibytes = read_hour(count, ticks)
    rows = [
        ("idle, MB an hour", *at_most(must=25).cells(hour_megabytes(count, ticks, 0.05))),
        ("busy, MB an hour", *at_most(must=90).cells(hour_megabytes(count, ticks, 0.25))),
        ("CPU, % of sampling", *at_most(must=10).cells(cost_percent(count, chosen.seconds))),
        ("reading an hour, CPU s", *at_most().cells(cpu_s)),
        ("reading an hour, MiB", *at_most(must=100).cells(mebibytes)),
    ]
    if chosen.kills:
        kills = [lost_s(seed) for seed in range(chosen.kills)]
        refused = sum(not is_whole for is_whole, _ in kills)
        rows.append(("kills that gzip -t refuses", *at_most(must=0).cells(refused)))
        rows.append(("most seconds lost", *at_most(must=1).cells(max(s for _, s in kills))))
    print(table((f"{count} processes at 10 Hz", "", "goal"), rows))


if __name__ == "__main__":
    main()
