"""How late a heartbeat comes, in the loop that also watches 500 processes at 10 Hz.

Run it by ``python -m tests.benchmarks.loop_lateness``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import anyio
import uvloop

import memstat
from memstat.background import beside
from tests.targets import Target, python

PROCESSES: Final = 500
BEAT_S: Final = 0.005
INTERVAL_S: Final = 0.1
ROUND_S: Final = 10.0
LOOPS: Final = {
    "asyncio": ("asyncio", {}),
    "uvloop": ("asyncio", {"loop_factory": uvloop.new_event_loop}),
    "trio": ("trio", {}),
}

FORKER: Final = f"""
import os, signal
for _ in range({PROCESSES} - 1):
    if os.fork() == 0:
        held = bytearray(os.urandom(1 << 12)) * 256
        signal.pause()
        os._exit(0)
print("ready", flush=True)
signal.pause()
"""


async def beat(duration_s: float) -> list[float]:
    """Return how late each wake-up came, in seconds."""
    late_s = []
    began_s = time.monotonic()
    due_s = began_s
    while due_s - began_s < duration_s:
        due_s = max(due_s, time.monotonic()) + BEAT_S
        await anyio.sleep(max(0.0, due_s - time.monotonic()))
        late_s.append(time.monotonic() - due_s)
    return late_s


async def beat_beside_a_watch(pid: int) -> tuple[list[float], memstat.Watch]:
    """Return the same while a consumer iterates over a watch."""

    async def consume(watched: memstat.Watch) -> None:
        async for snapshot in watched:
            assert len(snapshot.processes) == PROCESSES

    async with (
        memstat.watch(pid, interval_s=INTERVAL_S) as watched,
        beside(consume, watched),
    ):
        await anyio.sleep(5 * INTERVAL_S)
        return await beat(ROUND_S), watched


def row(name: str, late_s: Sequence[float]) -> str:
    """Return the figures of one round."""
    hundredths = statistics.quantiles(late_s, n=100)
    return (
        f"{name:24} median {1000 * statistics.median(late_s):6.2f} ms"
        f"   p99 {1000 * hundredths[-1]:6.2f} ms   most {1000 * max(late_s):6.2f} ms"
    )


def main() -> None:
    """Print a row for each loop, without and with the watch."""
    with ExitStack() as cleanup:
        target = Target.start(*python(FORKER))
        cleanup.callback(target.kill)
        target.line()
        for name, (backend, options) in LOOPS.items():
            alone = anyio.run(beat, ROUND_S, backend=backend, backend_options=options)
            print(row(name, alone))
            watching, watched = anyio.run(
                beat_beside_a_watch, target.pid, backend=backend, backend_options=options
            )
            print(row(f"{name}, watching", watching))
            stats = watched.stats
            print(
                f"{'':24} {stats.samples} samples, {stats.missed_ticks} missed,"
                f" median sweep {1000 * (stats.sweep_median_s or 0):.1f} ms"
            )


if __name__ == "__main__":
    main()
