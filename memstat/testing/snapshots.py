"""Made-up snapshots."""

from __future__ import annotations

from collections.abc import Mapping

from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.sampling.sweep import add_up
from memstat.testing.memory import private_memory


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
            memory=Memory() if pss is None else private_memory(pss),
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
