"""What is kept per process is forgotten with it, however many come and go."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace

from rich.console import Console

from memstat.model import Snapshot
from memstat.report.board import Board
from memstat.report.table import dashboard
from memstat.sampling.tally import Tally
from memstat.testing import snapshot_of

AT_ONCE = 40
COMMAND_LINE = "cc -I/usr/include/" + "x" * 3000


def snapshot(tick: int) -> Snapshot:
    """Return a tree of which every process is new."""
    pids = range(1 + tick * AT_ONCE, 1 + (tick + 1) * AT_ONCE)
    whole = snapshot_of(dict.fromkeys(pids, 4096), tick=tick, elapsed_s=tick / 10)
    processes = [replace(p, command_line=f"{COMMAND_LINE} {p.key.pid}") for p in whole.processes]
    return replace(whole, processes=tuple(processes))


def test_twelve_thousand_processes_leave_nothing_behind() -> None:
    board, tally = Board(), Tally(0.1)
    console = Console(width=120, height=30, force_terminal=True)

    def run(ticks: range) -> int:
        """Take in so many ticks, draw some of them, and return what is held, in bytes."""
        for tick in ticks:
            seen = snapshot(tick)
            tally.observe(seen)
            board.take(seen)
            if tick % 50 == 0 and (view := board.view(tally)) is not None:
                dashboard(view, width=120, height=30).printed(console)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = run(range(100))
        after = run(range(100, 300))
    finally:
        tracemalloc.stop()
    assert after - before < 1 << 20
