#!/usr/bin/env python3
"""A tree of workers that grows and shrinks again, for about three seconds.

Try it under memstat:  memstat run -r -v -- python3 examples/fork_tree.py
"""

from __future__ import annotations

import os
import time

WORKERS = 4
MEGABYTES_EACH = 20
STEP_S = 0.3


def work(megabytes: int, seconds: float) -> None:
    """Hold so much memory for so long."""
    held = bytearray(os.urandom(1 << 20)) * megabytes
    time.sleep(seconds)
    del held


def main() -> None:
    """Start workers one after the other; the tree is complete for a while, then shrinks."""
    workers = []
    for number in range(WORKERS):
        pid = os.fork()
        if pid == 0:
            work(MEGABYTES_EACH, STEP_S * (2 * (WORKERS - number) + 1))
            os._exit(0)
        workers.append(pid)
        time.sleep(STEP_S)
    for pid in workers:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
