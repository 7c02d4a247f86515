"""Which processes of a tree came or went while a sweep ran, as far as sums depend on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from memstat.model import Identity, Memory, ReadStatus
from memstat.proc.source import Reading
from memstat.sampling.torn import Change, Relative, tolerance_bytes
from memstat.sampling.tracked import Tracked

_SOME_CHILD: Final = 0
_UNCOUNTED: Final = frozenset({ReadStatus.DENIED, ReadStatus.UNREADABLE})


def could_be_torn(swept: Sequence[Tracked], total: Memory) -> bool:
    """Whether it is worth looking for changes: any could matter. Costs next to nothing."""
    pss_bytes, uss_bytes = total.pss_bytes or 0, total.uss_bytes or 0
    tolerance = tolerance_bytes(pss_bytes)
    if pss_bytes - uss_bytes <= tolerance:
        return False
    if any(_share_bytes(tracked) > tolerance for tracked in swept):
        return True
    # Many small ones together may matter as well.
    return any(True for _ in _seen_changes(swept))


def relatives_of(swept: Iterable[Tracked]) -> Sequence[Relative]:
    """Return the processes that were measured, with what they share."""
    return [
        Relative(
            tracked.node.key.pid,
            _family(tracked.reading),
            _share_bytes(tracked),
            _anonymous_share_bytes(tracked),
        )
        for tracked in swept
        if _is_measured(tracked)
    ]


def changes_of(
    swept: Sequence[Tracked], arrivals: Callable[[], Iterable[Identity] | None]
) -> Sequence[Change]:
    """Return which processes came or went during the sweep. Reads ``/proc``, for families only.

    ``arrivals`` returns ``None`` when nothing was started.
    """
    changes = [*_seen_changes(swept)]
    measured = [tracked for tracked in swept if _is_measured(tracked) and tracked.family]
    size = Counter([tracked.family for tracked in measured])
    size.update([change.family for change in changes])
    for tracked in measured:
        if size[tracked.family] > 1:
            changes += _changes_afterwards(tracked)
    # Only now: a fork that was under way has its child by now.
    arrived = arrivals()
    if arrived is not None:
        changes += _arrived(swept, arrived)
        for tracked in measured:
            # Without a relative, it may have had one for a moment.
            if size[tracked.family] == 1 and _anonymous_share_bytes(tracked):
                changes += _changes_afterwards(tracked)
    return changes


def _changes_afterwards(tracked: Tracked) -> Iterator[Change]:
    afterwards = tracked.reader.afterwards()
    if not afterwards.keeps_memory:
        yield Change(tracked.node.key.pid, tracked.family)
    if afterwards.has_waited:
        # For a child that may have lived since the sweep began, or have called execve before.
        yield Change(_SOME_CHILD, tracked.family, by_exec=True)


def _seen_changes(swept: Sequence[Tracked]) -> Iterator[Change]:
    """Yield what the reads themselves show: which had another address space, or none any more."""
    for tracked in swept:
        before, after = tracked.before, tracked.reading
        if after is None or (before is after and not after.is_exiting):
            continue
        if after.status in _UNCOUNTED:
            continue
        pid, family = tracked.node.key.pid, _family_before(tracked)
        if after.is_exiting or _was_exiting(tracked):
            yield Change(pid, tracked.family or _families(swept).get(after.ppid or 0, 0))
        elif family not in (0, after.family):
            yield Change(pid, family, by_exec=after.status is ReadStatus.MEASURED)


def _was_exiting(tracked: Tracked) -> bool:
    before, found = tracked.before, tracked.identity
    if before is not None:
        return before.is_exiting
    return (
        found is not None
        and found.family == 0
        and found.is_alive
        and not found.is_kernel_thread
        and not _is_measured(tracked)
    )


def _family_before(tracked: Tracked) -> int:
    """Return the family of the memory that it had before it was read; 0 when unknown or without."""
    before = tracked.before
    if before is None:
        return tracked.identity.family if tracked.identity else 0
    return before.family if before.status is ReadStatus.MEASURED else 0


def _families(swept: Iterable[Tracked]) -> dict[int, int]:
    return {tracked.node.key.pid: _family(tracked.reading) for tracked in swept}


def _arrived(swept: Iterable[Tracked], arrivals: Iterable[Identity]) -> Iterator[Change]:
    families = _families(swept)
    known = {*families.values()} - {0}
    for arrival in arrivals:
        if arrival.family in known:
            yield Change(arrival.pid, arrival.family)
        elif arrival.ppid in families:
            yield Change(arrival.pid, families[arrival.ppid], by_exec=True)


def _is_measured(tracked: Tracked) -> bool:
    return tracked.sample.status is ReadStatus.MEASURED


def _family(reading: Reading | None) -> int:
    return 0 if reading is None else reading.family


def _share_bytes(tracked: Tracked) -> int:
    memory = tracked.sample.memory
    return (memory.pss_bytes or 0) - (memory.uss_bytes or 0)


def _anonymous_share_bytes(tracked: Tracked) -> int:
    known = tracked.reader.anonymous_share_bytes()
    return _share_bytes(tracked) if known is None else known
