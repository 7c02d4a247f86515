#!/usr/bin/env python3
"""Why PSS: two processes share 100 MB and hold 40 and 10 MB of their own.

Each uses its own part and half of the shared one, 90 and 60 MB; together they cost 150 MB. RSS says
140 and 110 MB, 250 MB together: the shared part twice.
"""

from __future__ import annotations

import mmap
import os
import signal

import anyio

import memstat

MB = 1_000_000
OWN_MB = (40, 10)
EXPECTED_MB = (90, 60)


def touch(memory: mmap.mmap) -> None:
    """Make memory real: write to every page."""
    for page in range(0, len(memory), mmap.PAGESIZE):
        memory[page] = 1


class Sharer:
    """A forked process that fills the shared memory and its own on request."""

    def __init__(self, shared: mmap.mmap, own_mb: int) -> None:
        self._orders, order = os.pipe()
        report, self._reports = os.pipe()
        self._order, self._report = order, report
        self.pid = os.fork()
        if self.pid == 0:
            self._live(shared, own_mb)

    def _live(self, shared: mmap.mmap, own_mb: int) -> None:
        os.read(self._orders, 1)
        touch(shared)
        own = mmap.mmap(-1, own_mb * MB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        touch(own)
        os.write(self._reports, b"!")
        signal.pause()

    def fill(self) -> None:
        """Let it fill the memory, and return when it has."""
        os.write(self._order, b"!")
        os.read(self._report, 1)

    def end(self) -> None:
        """Kill it and wait for it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def pss_mb(pid: int) -> float:
    """Return what memstat says of a process."""
    pss_bytes = anyio.run(memstat.measure, pid).total.pss_bytes
    assert pss_bytes is not None
    return pss_bytes / MB


def main() -> None:
    """Print what memstat says beside what is expected."""
    shared = mmap.mmap(-1, 100 * MB)
    sharers = [Sharer(shared, own_mb) for own_mb in OWN_MB]
    try:
        before = [pss_mb(sharer.pid) for sharer in sharers]
        for sharer in sharers:
            sharer.fill()
        grown = [pss_mb(s.pid) - b for s, b in zip(sharers, before, strict=True)]
    finally:
        for sharer in sharers:
            sharer.end()
    print("what the memory adds to the PSS of each process:")
    for own_mb, growth, expected in zip(OWN_MB, grown, EXPECTED_MB, strict=True):
        print(f"  {own_mb} MB + half of 100 MB: {growth:6.1f} MB, expected {expected:3}")
    print(f"  together:              {sum(grown):6.1f} MB, expected {sum(EXPECTED_MB):3}")


if __name__ == "__main__":
    main()
