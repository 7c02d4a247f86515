"""Whether the reads of a sweep belong to one moment. Pure.

The reads of a sweep are not simultaneous. Processes that were forked from one another share pages,
and the kernel divides a page by the number of processes that map it *at the read*. When one of them
starts, ends or calls ``execve`` between two reads, the sum counts pages twice or not at all: such a
sweep is torn.

The rule: a sweep is torn when the members of a family that came or went while it ran could change
the total by more than 1 %, and by more than 256 KiB.

- A family are processes that were forked from one another without an ``execve`` in between. They
  alone share anonymous pages, most of what there is to count wrongly. Libraries that unrelated
  programs share are left out: a compiler that starts or ends tears nothing.
- A page that n processes map adds 1/n of itself to the PSS of each. What one process has of shared
  pages, its *share*, is PSS - USS. It is also what the others gain when it ends, and what they lost
  when it started. So the error is at most its share; where it was not read, that of the relative
  with the largest.
- One that called ``execve`` meanwhile may have been a child of vfork(2), which shares nothing of
  its own. Therefore only the anonymous part of the share counts, which is 0 then.
- Without a relative that was read there is no error: one read is of one moment.

A process that started and ended while the sweep ran is noticed only if its parent has waited for it
after it was read itself; as the larger processes are read first, the parent mostly is.

The 256 KiB are for shells: what they share with a child, for a millisecond until its ``execve``,
would tear every sample of a small tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from memstat.model import Snapshot

_PART: Final = 100
_LEAST_BYTES: Final = 256 << 10

REPEATS: Final = 2
"""How often a torn sweep of a tick is repeated."""
REPEATS_OF_ONE: Final = 5
"""How often one is repeated that is all there is."""


class Relative(NamedTuple):
    """A process that was read in the sweep."""

    pid: int
    family: int
    """The same number for all that were forked from one another; 0 when unknown."""
    share_bytes: int
    """What the pages that it shares add to its PSS."""
    anonymous_share_bytes: int
    """At most so much of it is in anonymous pages."""


class Change(NamedTuple):
    """A process of a family started, ended or called ``execve`` while the sweep ran."""

    pid: int
    family: int
    by_exec: bool = False


def tolerance_bytes(total_bytes: int) -> int:
    """Return how much a total may be wrong without being torn.

    >>> tolerance_bytes(200 << 20) >> 20, tolerance_bytes(0) >> 10
    (2, 256)
    """
    return max(total_bytes // _PART, _LEAST_BYTES)


def is_torn(relatives: Iterable[Relative], changes: Sequence[Change], total_bytes: int) -> bool:
    """Whether these changes could have made the total wrong.

    >>> parent = Relative(7, 1, share_bytes=100 << 20, anonymous_share_bytes=100 << 20)
    >>> is_torn([parent], [Change(8, family=1)], 200 << 20)
    True
    >>> is_torn([parent], [Change(9, family=2)], 200 << 20)
    False
    """
    if not changes:
        return False
    families: dict[int, list[Relative]] = {}
    for relative in relatives:
        families.setdefault(relative.family, []).append(relative)
    errors = (_largest_error(change, families) for change in changes)
    return sum(errors) > tolerance_bytes(total_bytes)


def _largest_error(change: Change, families: Mapping[int, Sequence[Relative]]) -> int:
    relatives = families.get(change.family, ()) if change.family else ()
    itself = [relative for relative in relatives if relative.pid == change.pid]
    others = [relative for relative in relatives if relative.pid != change.pid]
    if not others:
        return 0
    return max(
        relative.anonymous_share_bytes if change.by_exec else relative.share_bytes
        for relative in itself or others
    )


def is_worth_repeating(snapshot: Snapshot, interval_s: float) -> bool:
    """Whether to repeat a sweep at once: it is torn, and short beside the time between ticks.

    >>> from memstat.testing import snapshot_of
    >>> is_worth_repeating(snapshot_of({7: 4096}), 0.1)
    False
    """
    return snapshot.torn and snapshot.sweep_s < interval_s / 4
