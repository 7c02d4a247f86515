"""What the live table costs: CPU for a frame over busy processes, from the snapshot to the bytes.

All processes of a tree change at each tick, which is the worst case: sizes, trends and growth of
each row are others. A frame is what the dashboard does for one: take in a snapshot, compose a page,
print it, and write the lines that have changed to a terminal. Run it as
``python -m tests.benchmarks.drawing [FRAMES]``.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import statistics
import struct
import sys
import termios
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import Final

from memstat.model import Memory, Snapshot
from memstat.report.board import Board
from memstat.report.view_options import Order, ViewOptions
from memstat.sampling.tally import Tally
from memstat.terminal.display import LiveDisplay
from memstat.testing import snapshot_of

_MIB: Final = 1 << 20
_TICK_S: Final = 0.1
_FRAMES_A_SECOND: Final = 10
_NAMES: Final = ("python3", "cc1plus", "worker-{}", "postgres")
_MODES: Final = {
    "tree": ViewOptions(),
    "by PSS": ViewOptions().sorted_by(Order.PSS),
    "folded": ViewOptions(is_folded=True),
}


def snapshots_of(processes: int, count: int) -> list[Snapshot]:
    """Return snapshots of a tree in which every size changes and half are estimates."""
    chance = random.Random(processes)
    first = snapshot_of({100 + n: 20 * _MIB for n in range(processes)})
    named = [
        replace(
            process,
            name=_NAMES[at % len(_NAMES)].format(at),
            depth=0 if at == 0 else 1 + at % 3,
            command_line=f"/usr/bin/{_NAMES[at % len(_NAMES)]} --number {at} --of {processes}",
        )
        for at, process in enumerate(first.processes)
    ]
    snapshots = []
    for tick in range(count):
        changed = tuple(
            replace(process, memory=_memory(chance, is_estimated=at % 2 == 0), walk_age_s=0.5)
            for at, process in enumerate(named)
        )
        total = Memory(pss_bytes=sum(p.memory.pss_bytes or 0 for p in changed))
        snapshots.append(
            replace(first, tick=tick, elapsed_s=tick * _TICK_S, processes=changed, total=total)
        )
    return snapshots


def _memory(chance: random.Random, *, is_estimated: bool) -> Memory:
    size_bytes = chance.randrange(10 * _MIB, 200 * _MIB)
    spread_bytes = _MIB if is_estimated else 0
    return Memory(
        pss_bytes=size_bytes,
        uss_bytes=size_bytes // 2,
        rss_bytes=size_bytes * 2,
        pss_anon_bytes=size_bytes // 2,
        swap_pss_bytes=0,
        hugetlb_bytes=0,
        pss_low_bytes=size_bytes - spread_bytes,
        pss_high_bytes=size_bytes + spread_bytes,
    )


class _Screen:
    """A terminal of a given size that takes all that is written to it, and counts it."""

    def __init__(self, width: int, height: int) -> None:
        self.written_bytes = 0
        self._near, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("4H", height, width, 0, 0))
        self.stream: Final = open(far, "w", encoding="utf-8")  # noqa: SIM115 - closed below
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def close(self) -> None:
        self.stream.close()
        self._reading.join()
        os.close(self._near)

    def _read(self) -> None:
        with suppress(OSError):
            while data := os.read(self._near, 1 << 16):
                self.written_bytes += len(data)


def measure(
    processes: int, width: int, height: int, options: ViewOptions, frames: int
) -> tuple[float, float]:
    """Return the median CPU seconds of a frame, and the bytes of one, without the tally.

    That samples in any case.
    """
    board, tally = Board(), Tally(_TICK_S)
    costs = []
    with closing(_Screen(width, height)) as screen:
        display = LiveDisplay(screen.stream, options=options)
        for snapshot in snapshots_of(processes, frames):
            tally.observe(snapshot)
            began_s = time.thread_time()
            board.take(snapshot)
            view = board.view(tally)
            assert view is not None
            display.follow_size()
            display.draw(view)
            costs.append(time.thread_time() - began_s)
    return statistics.median(costs), screen.written_bytes / frames


def main(frames: int) -> None:
    """Measure trees of three sizes on two terminals, in each order; print a line for each."""
    os.environ["TERM"] = "xterm-256color"
    print(f"CPU for a frame, and for {_FRAMES_A_SECOND} a second as a part of a core")
    for processes in (10, 50, 300):
        for width, height in ((80, 24), (200, 60)):
            for name, options in _MODES.items():
                cost_s, written_bytes = measure(processes, width, height, options, frames)
                print(
                    f"{processes:>4} processes  {width:>3} x {height}  {name:<6}"
                    f"{1e3 * cost_s:7.2f} ms {cost_s * _FRAMES_A_SECOND:7.1%}"
                    f"{written_bytes:7.0f} bytes"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
