#!/usr/bin/env python3
"""Draw how much memory a program used, and how well that was known: an SVG picture on stdout.

The line is the best value at each tick, the band what it lay between, and a mark below shows each
tick at which the pages of the processes were walked. Without a command it draws a program that
forks, and writes to what it shares.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import anyio

import memstat

WIDTH, HEIGHT, MARGIN = 720, 280, 40
PROGRAM = """
import mmap, os, time
held = mmap.mmap(-1, 300 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
def write(begin, end):
    for page in range(begin, end, 4096):
        held[page] = 1
        if page % (4 << 20) == 0: time.sleep(0.01)
write(0, 150 << 20)
if os.fork() == 0:
    write(0, 60 << 20)
    os._exit(0)
write(150 << 20, 300 << 20)
os.wait()
"""


async def measured(command: Sequence[str]) -> list[memstat.Snapshot]:
    """Return the snapshots of a command, from its start to its end."""
    async with memstat.supervise(command, interval_s=0.05, budget=0.002) as running:
        return [snapshot async for snapshot in running]


def picture(snapshots: Sequence[memstat.Snapshot]) -> str:
    """Return the course as SVG."""
    end_s = max(snapshot.elapsed_s for snapshot in snapshots) or 1.0
    most = max(snapshot.total.pss_high_bytes or 0 for snapshot in snapshots)

    def x(snapshot: memstat.Snapshot) -> float:
        return MARGIN + snapshot.elapsed_s / end_s * (WIDTH - 2 * MARGIN)

    def points(sizes: Sequence[int | None]) -> list[str]:
        scale = (HEIGHT - 2 * MARGIN) / max(1, most)
        return [
            f"{x(snapshot):.1f},{HEIGHT - MARGIN - (size or 0) * scale:.1f}"
            for snapshot, size in zip(snapshots, sizes, strict=True)
        ]

    low = points([snapshot.total.pss_low_bytes for snapshot in snapshots])
    best = points([snapshot.total.pss_bytes for snapshot in snapshots])
    high = points([snapshot.total.pss_high_bytes for snapshot in snapshots])
    walks = [
        f'<path d="M{x(snapshot):.1f} {HEIGHT - MARGIN + 6}v8" stroke="#c2410c"/>'
        for snapshot in snapshots
        if snapshot.walk_s is not None
    ]
    right, bottom = WIDTH - MARGIN, HEIGHT - MARGIN
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"
    font-family="sans-serif" font-size="12" fill="#444">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<polygon points="{" ".join([*low, *reversed(high)])}" fill="#93c5fd"/>
<polyline points="{" ".join(best)}" fill="none" stroke="#1d4ed8" stroke-width="1.5"/>
{"".join(walks)}
<path d="M{MARGIN} {bottom}H{right}" stroke="#444"/>
<text x="{MARGIN}" y="{MARGIN - 14}">{memstat.format_size(most)}</text>
<text x="{right}" y="{MARGIN - 14}" text-anchor="end">
line: best value; band: bounds; marks below: walks</text>
<text x="{right}" y="{HEIGHT - 8}" text-anchor="end">{end_s:.1f} s</text>
</svg>
"""


if __name__ == "__main__":
    command = sys.argv[1:] or [sys.executable, "-c", PROGRAM]
    snapshots = anyio.run(measured, command)
    os.write(1, picture(snapshots).encode())
