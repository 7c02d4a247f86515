"""Which families of processes had one come or go while a sweep walked them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final

from memstat.model import Identity
from memstat.sampling.family import exceeds_members
from memstat.sampling.tracked import Tracked

_SHARED_BYTES: Final = 64 << 10
"""A family that shares less is not torn by what happens to it."""


def torn_families(
    swept: Sequence[Tracked],
    arrivals: Callable[[], Iterable[Identity] | None],
    *,
    is_whole_tree: bool = True,
) -> set[int]:
    """Return the families whose walks are not of one moment. Reads ``/proc`` where it matters.

    ``arrivals`` returns the processes that have started since the sweep began; ``None`` when none
    has. ``is_whole_tree`` is whether the children of those swept are swept too.

    A process that started and ended while the sweep ran is noticed only if its parent has waited
    for it after it was walked itself; as the larger processes are walked first, it mostly is.
    """
    torn = {*_left(swept)}
    shared = Counter[int]()
    for tracked in swept:
        shared[tracked.family] += tracked.shared_bytes
    sharing = [t for t in swept if t.has_memory and shared[t.family] > _SHARED_BYTES]
    torn |= {*_changed(sharing, torn)}
    # Only now: a fork that was under way has its child by now.
    arrived = arrivals() if sharing else None
    if arrived is not None:
        torn |= {*_joined(swept, arrived)}
        # What has started since may have ended before it could be seen.
        torn |= {*_changed(sharing, torn)}
    if is_whole_tree:
        torn |= {*_with_unknown_sharers(swept)}
    return torn - {0}


def _with_unknown_sharers(swept: Iterable[Tracked]) -> Iterator[int]:
    """Yield the families that share more than they can among them, and did not the last time.

    fork(2) shares the pages before the child has a PID: where the parent is preempted in between,
    nothing else shows that there is a child. Sharers outside the tree are still there next time.
    """
    families: dict[int, list[Tracked]] = {}
    for tracked in swept:
        if tracked.has_memory:
            families.setdefault(tracked.family, []).append(tracked)
    for number, members in families.items():
        shared_bytes = sum([member.shared_bytes for member in members])
        has_others = exceeds_members(shared_bytes, [member.anon_bytes for member in members])
        if has_others and not all(member.had_unknown_sharers for member in members):
            yield number
        for member in members:
            member.had_unknown_sharers = has_others


def _changed(sharing: Iterable[Tracked], known: Collection[int]) -> Iterator[int]:
    """Yield the families, but those ``known``, of which a member is not what was walked."""
    for tracked in sharing:
        if tracked.family not in known and _has_changed_since(tracked):
            yield tracked.family


def _has_changed_since(tracked: Tracked) -> bool:
    afterwards = tracked.reader.afterwards()
    # A child that it has waited for may have lived since the sweep began.
    return not afterwards.keeps_memory or afterwards.has_waited


def _left(swept: Iterable[Tracked]) -> Iterator[int]:
    """Yield the families of those that had ended, or called ``execve``, when they were walked."""
    families = _families(swept)
    for tracked in swept:
        glance, reading = tracked.glance, tracked.reading
        if glance is not None and tracked.is_walked:
            if reading is None or reading.family != glance.family:
                yield glance.family
        elif tracked.was_exiting or (reading is not None and reading.is_exiting):
            # Its pages may be mapped still, though it no longer reports them.
            yield tracked.family or families.get(reading.ppid or 0, 0) if reading else 0


def _joined(swept: Iterable[Tracked], arrivals: Iterable[Identity]) -> Iterator[int]:
    families = _families(swept)
    for arrival in arrivals:
        # Without a family it has ended already; with another it may have called execve.
        yield arrival.family
        yield families.get(arrival.ppid, 0)


def _families(swept: Iterable[Tracked]) -> dict[int, int]:
    return {tracked.node.key.pid: tracked.family for tracked in swept}
