#!/usr/bin/env python3
"""A service that watches its own process pool, and warns when all of it together gets large.

It does some work and ends after a few seconds.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

import memstat

WORKERS = 3
JOBS_MIB = (5, 60, 60, 60, 60, 5)
THRESHOLD = "90 MiB"

log = logging.getLogger("service")


def job(mib: int) -> int:
    """Use some memory for a while."""
    held = bytearray(mib << 20)
    time.sleep(0.4)
    return len(held)


async def warn_when_large(watched: memstat.Watch, threshold_bytes: int) -> None:
    """Log each time the total of this process and its workers passes the threshold."""
    was_over = False
    async for snapshot in watched:
        total = snapshot.total.pss_bytes or 0
        is_over = total > threshold_bytes
        if is_over and not was_over:
            count = len(snapshot.processes)
            log.warning("%d processes use %s", count, memstat.format_size(total))
        elif was_over and not is_over:
            log.info("back to %s", memstat.format_size(total))
        was_over = is_over


async def serve() -> None:
    """Do all jobs, watched; the watch runs in this loop and does not hold it up."""
    loop = asyncio.get_running_loop()
    # Not fork: the watch reads in threads, and a fork of a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        async with memstat.watch(os.getpid(), interval_s=0.05) as watched:
            watcher = asyncio.create_task(warn_when_large(watched, memstat.parse_size(THRESHOLD)))
            await asyncio.gather(*(loop.run_in_executor(pool, job, mib) for mib in JOBS_MIB))
            watched.stop()
            await watcher
    if watched.peak is not None:
        peak = watched.peak
        log.info("peak %s after %.1f s", memstat.format_size(peak.pss_bytes), peak.elapsed_s)


def main() -> None:
    """Serve, with the log on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    asyncio.run(serve())


if __name__ == "__main__":
    main()
