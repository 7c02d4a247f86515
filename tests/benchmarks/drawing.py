"""What the live table costs: CPU for a frame over busy processes, from the snapshot to the bytes.

All processes of a tree change at each tick, which is the worst case: sizes, trends and growth of
each row are others. A frame is what the dashboard does for one: take in a snapshot, compose a page,
print it, and write the bytes. Run it as ``python -m tests.benchmarks.drawing [FRAMES]``.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from dataclasses import replace
from typing import Final

from rich.console import Console

from memstat.model import Memory, Snapshot
from memstat.report.board import Board
from memstat.report.table import dashboard
from memstat.report.view_options import Order, ViewOptions
from memstat.sampling.tally import Tally
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


def measure(processes: int, width: int, height: int, options: ViewOptions, frames: int) -> float:
    """Return the median CPU seconds of a frame, without the tally, which samples in any case."""
    console = Console(
        file=open(os.devnull, "w"),  # noqa: SIM115 - the console has no end
        force_terminal=True,
        color_system="256",
        width=width,
        height=height,
        highlight=False,
        markup=False,
        emoji=False,
    )
    board, tally = Board(), Tally(_TICK_S)
    costs = []
    with open(os.devnull, "wb", buffering=0) as sink:
        for snapshot in snapshots_of(processes, frames):
            tally.observe(snapshot)
            began_s = time.thread_time()
            board.take(snapshot)
            view = board.view(tally)
            assert view is not None
            with console.capture() as capture:
                page = dashboard(view, options, width=width, height=height)
                console.print(page, crop=False)
            sink.write(capture.get().encode())
            costs.append(time.thread_time() - began_s)
    return statistics.median(costs)


def main(frames: int) -> None:
    """Measure trees of three sizes on two terminals, in each order; print a line for each."""
    print(f"CPU for a frame, and for {_FRAMES_A_SECOND} a second as a part of a core")
    for processes in (10, 50, 300):
        for width, height in ((80, 24), (200, 60)):
            for name, options in _MODES.items():
                cost_s = measure(processes, width, height, options, frames)
                print(
                    f"{processes:>4} processes  {width:>3} x {height}  {name:<6}"
                    f"{1e3 * cost_s:7.2f} ms {cost_s * _FRAMES_A_SECOND:7.1%}"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
