"""Thinning a stream of snapshots for people, who read no faster than ten a second. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

from memstat.model import Snapshot

SHOWN_S: Final = 0.1
"""So far apart are the snapshots that are shown, unless a rate was chosen."""
_EARLY: Final = 0.9
"""A tick may come a little early after one that was late."""


async def spaced(snapshots: AsyncIterable[Snapshot], least_s: float) -> AsyncIterator[Snapshot]:
    """Yield the snapshots that began at least ``least_s`` after the one yielded before.

    One from before it, of a recording that is rewound, is the first of those that follow.
    """
    shown_s = float("-inf")
    async for snapshot in snapshots:
        if not 0 <= snapshot.elapsed_s - shown_s < least_s * _EARLY:
            shown_s = snapshot.elapsed_s
            yield snapshot
