"""Made-up processes and snapshots, for tests of memstat and of programs that embed it."""

from __future__ import annotations

from collections.abc import Mapping

from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.sampling.sweep import add_up


def snapshot_of(
    pss_bytes: Mapping[int, int | None], *, tick: int = 0, elapsed_s: float = 0.0
) -> Snapshot:
    """Return a snapshot of processes ``pPID`` that use so much each; ``None`` is a denied one.

    The first is the target, the others are its children.

    >>> snapshot_of({1: 4096, 2: 8192}).total.pss_bytes
    12288
    """
    samples = tuple(
        ProcessSample(
            ProcessKey(pid, pid),
            f"p{pid}",
            ppid=0,
            depth=int(place > 0),
            status=ReadStatus.DENIED if pss is None else ReadStatus.MEASURED,
            memory=Memory(pss_bytes=pss, uss_bytes=pss, rss_bytes=pss),
        )
        for place, (pid, pss) in enumerate(pss_bytes.items())
    )
    return Snapshot(
        tick=tick,
        unix_time_s=0.0,
        elapsed_s=elapsed_s,
        late_s=0.0,
        missed_ticks=0,
        sweep_s=0.001,
        complete=None not in pss_bytes.values(),
        total=add_up(samples),
        processes=samples,
    )
