#!/usr/bin/env python3
"""A view of one's own: what each program of a tree uses, as bars, in plain text.

Usage: custom_view.py [COMMAND...]     without a command, it runs one that forks
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import anyio

import memstat

FORKS = """
import os, time
held = bytearray(20 << 20)
children = []
for _ in range(3):
    time.sleep(0.3)
    pid = os.fork()
    if pid == 0:
        own = bytearray(10 << 20)
        time.sleep(1)
        os._exit(0)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
"""
WIDTH = 40


def by_name(snapshot: memstat.Snapshot) -> Counter[str]:
    """Return the bytes of each program: processes of one name together."""
    sizes: Counter[str] = Counter()
    for process in snapshot.processes:
        # ascii(), since a process may choose any name, escape codes included.
        sizes[ascii(process.name)] += process.memory.pss_bytes or 0
    return sizes


def draw(snapshot: memstat.Snapshot, most_bytes: int) -> str:
    """Return a line for each program, the largest first."""
    lines = [f"{snapshot.elapsed_s:.1f} s, {len(snapshot.processes)} processes"]
    for name, size in by_name(snapshot).most_common():
        bar = "#" * round(WIDTH * size / most_bytes)
        lines.append(f"  {name:18} {memstat.format_size(size):>9} {bar}")
    return "\n".join(lines)


async def view(command: list[str]) -> None:
    """Run a command and draw every quarter of a second; a slow view misses snapshots, no more."""
    async with memstat.supervise(command, interval_s=0.25, stdout=subprocess.DEVNULL) as running:
        async for snapshot in running:
            peak = running.peak
            if peak is not None and peak.pss_bytes:
                print(draw(snapshot, peak.pss_bytes), flush=True)
    peak = running.result.peak
    if peak is not None:
        print(f"peak {memstat.format_size(peak.pss_bytes)} after {peak.elapsed_s:.1f} s")


def main() -> None:
    """View the command of the command line, or one that forks."""
    anyio.run(view, sys.argv[1:] or [sys.executable, "-c", FORKS])


if __name__ == "__main__":
    main()
