#!/usr/bin/env python3
"""The library on a running process: watch it, react to what it uses, read the peak.

Usage: watch_pid.py [PID]     without a PID, it starts something to watch
"""

from __future__ import annotations

import sys

import anyio

import memstat

GROWS = "held = []\nwhile True: input(); held.append(b'x' * (8 << 20))"


async def watch(pid: int) -> None:
    """Print the total whenever it changes by a tenth, and the peak at the end."""
    printed = 0.0
    async with memstat.watch(pid, interval_s=0.05) as watched:
        async for snapshot in watched:
            total = snapshot.total.pss_bytes
            if total is None:
                continue
            if abs(total - printed) > 0.1 * printed:
                printed = total
                print(f"{snapshot.elapsed_s:6.2f} s  {memstat.format_size(total)}", flush=True)
    if watched.peak is not None:
        peak = watched.peak
        print(f"peak {memstat.format_size(peak.pss_bytes)} after {peak.elapsed_s:.2f} s")


async def watch_something() -> None:
    """Watch a process that grows, 8 MiB at each line that it reads, for a second."""
    async with (
        await anyio.open_process([sys.executable, "-c", GROWS]) as process,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(watch, process.pid)
        assert process.stdin is not None
        for _ in range(5):
            await anyio.sleep(0.2)
            await process.stdin.send(b"\n")
        await anyio.sleep(0.2)
        process.kill()


def main() -> None:
    """Watch the PID of the command line, or a process that grows."""
    if len(sys.argv) > 1:
        anyio.run(watch, int(sys.argv[1]))
    else:
        anyio.run(watch_something)


if __name__ == "__main__":
    main()
