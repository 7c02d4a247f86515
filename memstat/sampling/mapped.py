"""Reading what the memory of a tree consists of, one process after the other. Blocking."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import NamedTuple

from memstat.mappings import MappingGroup, Mappings
from memstat.model import ProcessKey, ProcessSample, ReadStatus
from memstat.proc.source import ProcSource
from memstat.proc.tree import Scope
from memstat.sampling.grouped import grouped
from memstat.sampling.sums import UNREAD, is_complete
from memstat.sampling.sweep import Sweeper


class MappedTree(NamedTuple):
    """A tree whose mappings were read."""

    mappings: Mappings
    samples: tuple[ProcessSample, ...]
    """Its processes, in the order of the tree, with what ``smaps`` says of their memory."""
    costs_s: Mapping[ProcessKey, float]
    """The CPU time that each took, and may have been held up for."""


def map_once(source: ProcSource, scope: Scope) -> MappedTree:
    """Return what the memory of a tree consists of now. Raises TooManyDescriptors."""
    sweeper = Sweeper(source, scope)
    try:
        sweep = sweeper.begin()
        return map_processes(sweeper, sweep.found, missing_reason=sweep.missing_reason)
    finally:
        sweeper.close()


def map_processes(
    sweeper: Sweeper,
    found: Iterable[ProcessSample],
    *,
    missing_reason: str | None,
    elapsed_s: float = 0.0,
) -> MappedTree:
    """Read the mappings of the processes that can be measured, and look for others at the end.

    Any thread may call it, also in the middle of a sweep. ``found`` are the processes that the
    sweeper has found last, ``elapsed_s`` after its first tick. Raises TooManyDescriptors.
    """
    unix_time_s, began_s = time.time(), time.monotonic()
    costs_s: dict[ProcessKey, float] = {}
    mapped = [_mapped(sweeper.source, sample, costs_s) for sample in found]
    samples = tuple(sample for sample, _ in mapped)
    torn = _has_changed(samples, {node.key for node in sweeper.find()})
    mappings = Mappings(
        grouped(groups for _, groups in mapped),
        elapsed_s=elapsed_s,
        unix_time_s=unix_time_s,
        read_s=time.monotonic() - began_s,
        cpu_s=sum(costs_s.values()),
        held_s=max(costs_s.values(), default=0.0),
        processes=sum(sample.status is ReadStatus.MEASURED for sample in samples),
        complete=is_complete(samples) and missing_reason is None and not torn,
        torn=torn,
        unread=tuple(sample for sample in samples if sample.status in UNREAD),
        missing_reason=missing_reason,
    )
    return MappedTree(mappings, samples, costs_s)


def _mapped(
    source: ProcSource, sample: ProcessSample, costs_s: dict[ProcessKey, float]
) -> tuple[ProcessSample, Sequence[MappingGroup]]:
    """Read a process where that is possible; return what it is then, and its mappings."""
    if sample.status is not ReadStatus.MEASURED:
        return sample, ()
    # CPU time: the kernel lets the process go on after every few mappings, so it is not held up
    # while this thread waits for its turn.
    began_s = time.thread_time()
    reading, groups = source.mappings(sample.key)
    costs_s[sample.key] = time.thread_time() - began_s
    now = replace(
        sample,
        status=reading.status,
        memory=reading.memory,
        reason=reading.reason,
        walk_age_s=0.0 if groups else None,
    )
    return now, groups


def _has_changed(samples: Sequence[ProcessSample], now: AbstractSet[ProcessKey]) -> bool:
    """Whether processes have started since these were found, or ended since they were read."""
    found = {sample.key for sample in samples}
    read = {sample.key for sample in samples if sample.status is ReadStatus.MEASURED}
    return not (read <= now <= found)
