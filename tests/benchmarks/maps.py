"""What it takes to read the mappings of a process (smaps), against a walk (smaps_rollup).

    python -m tests.benchmarks.maps [--size MIB] [--mappings N] [--rounds ROUNDS]

One process has a large mapping, another many of a page. Both ways take turns. Figures are
medians of the CPU time of memstat, most of which is the kernel's, and the longest time for which a
thread of the process had to wait for a page of new memory meanwhile; the last column is the CPU
time, divided by that of a walk.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from memstat.proc.linux import LinuxProcSource
from tests.benchmarks.side_by_side import machine, table, turns
from tests.targets import Target, compile_c

_WALK: Final = "walk"
_MAPPINGS: Final = "mappings"

_MAPPED: Final = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
static volatile double longest_s;
static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}
static void *need_memory(void *unused) {
    struct timespec pause = {0, 100000};
    for (;;) {
        double began_s = now_s();
        char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *page = 1;
        munmap(page, 4096);
        double took_s = now_s() - began_s;
        if (took_s > longest_s)
            longest_s = took_s;
        nanosleep(&pause, NULL);
    }
    return unused;
}
int main(int argc, char **argv) {
    size_t count = atol(argv[1]), size = atol(argv[2]);
    pthread_t thread;
    for (size_t i = 0; i < count; i++) {
        char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(at, size, MADV_NOHUGEPAGE);
        memset(at, 1, size);
        if (count > 1)
            mprotect(at, 4096, PROT_READ);
    }
    pthread_create(&thread, NULL, need_memory, NULL);
    puts("ready");
    fflush(stdout);
    for (char line[8]; fgets(line, sizeof line, stdin);) {
        printf("%.9f\n", longest_s);
        fflush(stdout);
        longest_s = 0;
    }
}
"""
"""So many mappings of so many bytes; a line makes it print for how long it had to wait at most."""

Figures = Mapping[str, tuple[float, float]]
"""By way: the CPU time of a reading, and the longest wait of the process."""


def measure(program: Path, mappings: int, size: int, rounds: int) -> Figures:
    target = Target.start(str(program), str(mappings), str(size))
    try:
        target.line()
        return _compare(target, rounds)
    finally:
        target.kill()


def _compare(target: Target, rounds: int) -> Figures:
    source = LinuxProcSource()
    key = source.require(target.pid).key
    reader = source.reader(key)
    ways: Mapping[str, Callable[[], object]] = {
        _WALK: reader.walk,
        _MAPPINGS: lambda: source.mappings(key),
    }
    took_s: dict[str, list[float]] = {way: [] for way in ways}
    waited_s: dict[str, list[float]] = {way: [] for way in ways}
    for way in turns(ways, rounds):
        target.send()
        target.line()
        began_s = time.process_time()
        ways[way]()
        took_s[way].append(time.process_time() - began_s)
        target.send()
        waited_s[way].append(float(target.line()))
    reader.close()
    return {way: (median(took_s[way]), median(waited_s[way])) for way in ways}


def report(figures: Figures) -> str:
    walk_s, _ = figures[_WALK]
    rows = [
        (way, f"{cpu_s * 1e3:.2f}", f"{wait_s * 1e3:.2f}", f"{cpu_s / walk_s:.2f}")
        for way, (cpu_s, wait_s) in figures.items()
    ]
    return table(("", "CPU ms", "longest wait ms", "ratio"), rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.maps")
    parser.add_argument("--size", type=int, default=1024, help="of the large mapping, in MiB")
    parser.add_argument("--mappings", type=int, default=10_000, help="how many small ones")
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args(arguments)
    print(machine())
    with tempfile.TemporaryDirectory() as directory:
        program = compile_c(_MAPPED, Path(directory))
        cases = {
            f"a mapping of {chosen.size} MiB": (1, chosen.size << 20),
            # Half of each is made another mapping.
            f"{chosen.mappings} mappings of 4 KiB": (chosen.mappings // 2, 8192),
        }
        for name, (mappings, size) in cases.items():
            print(f"\n{name}, {chosen.rounds} rounds")
            print(report(measure(program, mappings, size, chosen.rounds)), flush=True)


if __name__ == "__main__":
    main()
