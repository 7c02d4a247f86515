"""One run as it was measured, from its peak and how it was sampled. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from memstat.comparing.measurements import Flaw, Program, Run
from memstat.model import ProcessSample, ReadStatus, Snapshot, sum_known
from memstat.results import Peak, SamplingStats

MOST_PROGRAMS: Final = 100
"""So many are kept of a peak, those with most."""
_PART: Final = 100
"""What has changed by no more than a hundredth since a walk is as that has found it."""


class Machine(NamedTuple):
    """What a size depends on besides the program."""

    kernel: str | None
    """The release of Linux."""
    page_bytes: int | None
    """The size of a page."""


class WalkedPeak:
    """The largest snapshot of which every size is known.

    The peak itself is often seen at a glance, which knows PSS and RSS; the next walk follows.

    >>> from memstat.testing import snapshot_of
    >>> walked = WalkedPeak()
    >>> walked.add(snapshot_of({7: 4096}))
    >>> walked.near(Peak(4096, snapshot_of({7: 4096}))).total.uss_bytes
    4096
    """

    def __init__(self) -> None:
        self._largest: Snapshot | None = None
        self._pss_bytes = 0

    def add(self, snapshot: Snapshot) -> None:
        """Take in a snapshot."""
        pss_bytes = snapshot.total.pss_bytes or 0
        if pss_bytes > self._pss_bytes and is_walked(snapshot):
            self._largest, self._pss_bytes = snapshot, pss_bytes

    def near(self, peak: Peak) -> Snapshot:
        """Return the one that says what a peak consisted of: within 1 % of it, or else itself."""
        is_near = peak.pss_bytes - self._pss_bytes <= peak.pss_bytes // _PART
        return self._largest if self._largest is not None and is_near else peak.snapshot


def run_of(
    peak: Peak | None, stats: SamplingStats, machine: Machine, walked: WalkedPeak | None = None
) -> Run:
    """Return what is known of a run by its snapshots."""
    if peak is None:
        return Run(
            samples=stats.samples,
            interval_s=stats.interval_s,
            kernel=machine.kernel,
            page_bytes=machine.page_bytes,
        )
    detailed = peak.snapshot if walked is None else walked.near(peak)
    is_known = is_walked(detailed)
    return Run(
        pss_bytes=peak.pss_bytes,
        pss_low_bytes=peak.pss_low_bytes,
        pss_high_bytes=peak.pss_high_bytes,
        uss_bytes=detailed.total.uss_bytes if is_known else None,
        rss_bytes=peak.snapshot.total.rss_bytes,
        swap_bytes=detailed.total.swap_pss_bytes if is_known else None,
        samples=stats.samples,
        interval_s=stats.interval_s,
        flaw=flaw_of(peak.snapshot),
        kernel=machine.kernel,
        page_bytes=machine.page_bytes,
        programs=programs_of(detailed.processes),
    )


def is_walked(snapshot: Snapshot) -> bool:
    """Whether every size in it is of its own time.

    >>> from memstat.testing import snapshot_of
    >>> is_walked(snapshot_of({7: 4096}))
    True
    """
    return all(map(_is_current, snapshot.processes))


def flaw_of(snapshot: Snapshot) -> Flaw | None:
    """Return why a total may be wrong; ``None`` where it lacks nothing.

    >>> from memstat.testing import snapshot_of
    >>> flaw_of(snapshot_of({7: 4096, 8: None})).value
    'a process could not be read'
    """
    if snapshot.complete:
        return None
    statuses = {process.status for process in snapshot.processes}
    if ReadStatus.DENIED in statuses:
        return Flaw.DENIED
    if ReadStatus.UNREADABLE in statuses:
        return Flaw.UNREADABLE
    if snapshot.missing_reason is not None:
        return Flaw.MISSING
    return Flaw.TORN if snapshot.torn else Flaw.ENDED


def programs_of(processes: Iterable[ProcessSample]) -> tuple[Program, ...]:
    """Return the processes by their names, the largest first, and no more than a hundred.

    >>> from memstat.testing import snapshot_of
    >>> [program.pss_bytes for program in programs_of(snapshot_of({7: 10, 8: 20}).processes)]
    [20, 10]
    """
    groups: defaultdict[str, list[ProcessSample]] = defaultdict(list)
    for process in processes:
        if process.memory.pss_bytes is not None:
            groups[process.name].append(process)
    programs = [_program(name, group) for name, group in groups.items()]
    programs.sort(key=lambda program: (-program.pss_bytes, program.name))
    return tuple(programs[:MOST_PROGRAMS])


def _program(name: str, processes: Sequence[ProcessSample]) -> Program:
    memories = [process.memory for process in processes]
    return Program(
        name,
        len(memories),
        sum(memory.pss_bytes or 0 for memory in memories),
        sum_known(memory.pss_anon_bytes for memory in memories),
        sum_known(memory.pss_file_bytes for memory in memories),
        sum_known(memory.pss_shmem_bytes for memory in memories),
    )


def _is_current(sample: ProcessSample) -> bool:
    """Whether what only a walk shows is of the same time as PSS."""
    pss_bytes, walked_bytes = sample.memory.pss_bytes, sample.walked_pss_bytes
    if not sample.walk_age_s or pss_bytes is None or walked_bytes is None:
        return True
    return abs(pss_bytes - walked_bytes) <= pss_bytes // _PART
