"""Whether the walks of a sweep belong to one moment, and what to do when they do not. Pure.

The walks of a sweep are not simultaneous. Processes that were forked from one another share pages,
and the kernel divides a page by the number of processes that map it *at the walk*. When one of such
a family starts, ends or calls ``execve`` meanwhile, the sum of their walks counts pages twice or
not at all. These walks are not added up: what the family uses is known by bounds alone, as between
walks. Where that leaves the total uncertain by more than 1 %, and by more than 256 KiB, the sweep
is torn.
"""

from __future__ import annotations

from typing import Final

from memstat.model import Snapshot

_PART: Final = 100
_LEAST_BYTES: Final = 256 << 10

REPEATS: Final = 2
"""How often a torn sweep of a tick is repeated."""
REPEATS_OF_ONE: Final = 5
"""How often one is repeated that is all there is."""


def tolerance_bytes(total_bytes: int) -> int:
    """Return how uncertain a total may be without being torn.

    >>> tolerance_bytes(200 << 20) >> 20, tolerance_bytes(0) >> 10
    (2, 256)
    """
    return max(total_bytes // _PART, _LEAST_BYTES)


def is_worth_repeating(snapshot: Snapshot, interval_s: float) -> bool:
    """Whether to repeat a sweep at once: it is torn, and short beside the time between ticks.

    >>> from memstat.testing import snapshot_of
    >>> is_worth_repeating(snapshot_of({7: 4096}), 0.1)
    False
    """
    return snapshot.torn and snapshot.sweep_s < interval_s / 4
