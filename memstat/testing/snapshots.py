"""Fake sizes and snapshots."""

from __future__ import annotations

from collections.abc import Mapping

from memstat.model import DenialReason, Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.sampling.sums import add_up


def snapshot_of(
    pss_bytes: Mapping[int, int | None], *, tick: int = 0, elapsed_s: float = 0.0
) -> Snapshot:
    """Return a snapshot of processes by PID and PSS in bytes; ``None`` is a denied one.

    The first is the target, the others are its children. Process 7 has the name ``p7``.

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
            reason=DenialReason.OTHER_USER if pss is None else None,
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


def private_memory(size_bytes: int) -> Memory:
    """Return the memory of a process that has only private anonymous pages, of this size.

    >>> private_memory(4096).uss_bytes, private_memory(4096).pss_file_bytes
    (4096, 0)
    """
    return Memory(
        pss_bytes=size_bytes,
        uss_bytes=size_bytes,
        rss_bytes=size_bytes,
        pss_anon_bytes=size_bytes,
        pss_file_bytes=0,
        pss_shmem_bytes=0,
        swap_pss_bytes=0,
        hugetlb_bytes=0,
        hugetlb_shared_bytes=0,
    )


def memory_of(used: int | Memory) -> Memory:
    """Return the memory itself, or that of a process with so many private bytes.

    >>> memory_of(4096) == private_memory(4096)
    True
    """
    return private_memory(used) if isinstance(used, int) else used
