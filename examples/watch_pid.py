#!/usr/bin/env python3
"""The library on a running process: watch it, react to what it uses, read the peak.

Usage: watch_pid.py [PID]     without a PID, it starts something to watch
"""

from __future__ import annotations

import subprocess
import sys

import anyio

import memstat

GROWING = (
    "import time\nheld = []\nfor _ in range(5): held.append(b'x' * (8 << 20)); time.sleep(0.2)"
)


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


def main() -> None:
    """Watch the PID of the command line, or a process that grows for a second."""
    if len(sys.argv) > 1:
        anyio.run(watch, int(sys.argv[1]))
        return
    with subprocess.Popen([sys.executable, "-c", GROWING]) as process:
        anyio.run(watch, process.pid)


if __name__ == "__main__":
    main()
