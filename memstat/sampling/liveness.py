"""Whether a measurement is over. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from memstat.deferred import undated
from memstat.model import ProcessKey, ProcessSample, ReadStatus, Snapshot

_ALIVE: Final = frozenset({ReadStatus.MEASURED, ReadStatus.DENIED, ReadStatus.UNREADABLE})


def alive(snapshot: Snapshot) -> tuple[ProcessSample, ...]:
    """Return the processes of a snapshot that have not ended."""
    return tuple([process for process in snapshot.processes if process.status in _ALIVE])


def targets_ended(targets: Collection[ProcessKey], snapshot: Snapshot) -> bool:
    """Whether no target itself is alive; descendants may be."""
    return not any(p.key in targets and p.status in _ALIVE for p in undated(snapshot))


def tree_ended(snapshot: Snapshot) -> bool:
    """Whether no process of the tree is alive, and none is missing."""
    return snapshot.missing_reason is None and not any(
        p.status in _ALIVE for p in undated(snapshot)
    )
