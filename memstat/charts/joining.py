"""The snapshots of one recording, or of several by their clocks, as one row of moments. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from memstat.charts.frames import Moment
from memstat.model import Snapshot

_INTERVALS: Final = 5
"""A longer time without a sample is a gap."""
_SHORTEST_S: Final = 0.25
"""Where the rate is free, its interval at the start may become five times as long."""


class Gap(NamedTuple):
    """A time without samples of one of the recordings."""

    start_s: float
    end_s: float


def moments(snapshots: Iterable[Snapshot], interval_s: float) -> Iterator[Moment | Gap]:
    """Yield the moments of one recording, and before a moment the gap that it ends.

    Where nothing is known of a total, it is as if there were no sample.

    >>> from memstat.testing import snapshot_of
    >>> two = [snapshot_of({7: 1}), snapshot_of({7: 2}, elapsed_s=3.0)]
    >>> [type(item).__name__ for item in moments(two, 0.1)]
    ['Moment', 'Gap', 'Moment']
    """
    for snapshot, gap in _with_gaps(snapshots, interval_s):
        if gap is not None:
            yield gap
        pss_bytes = snapshot.total.pss_bytes
        assert pss_bytes is not None
        yield Moment(snapshot.elapsed_s, (snapshot,), pss_bytes)


def _with_gaps(
    snapshots: Iterable[Snapshot], interval_s: float
) -> Iterator[tuple[Snapshot, Gap | None]]:
    longest_s = max(_INTERVALS * interval_s, _SHORTEST_S)
    last_s: float | None = None
    for snapshot in snapshots:
        if snapshot.total.pss_bytes is None:
            continue
        now_s = snapshot.elapsed_s
        has_gap = last_s is not None and now_s - last_s > longest_s
        yield snapshot, Gap(last_s, now_s) if has_gap and last_s is not None else None
        last_s = now_s


class Source(NamedTuple):
    """A recording beside others."""

    snapshots: Iterable[Snapshot]
    interval_s: float
    started_unix_s: float


def joined(sources: Sequence[Source]) -> Iterator[Moment | Gap]:
    """Yield the moments of several recordings by their clocks, from the first start of all.

    Each has the newest snapshot of every recording that runs then; the last one of a recording
    counts for an interval. Times are those since the start of a recording, so that a clock that is
    set meanwhile moves nothing.

    >>> from memstat.testing import snapshot_of
    >>> early = Source([snapshot_of({7: 1}), snapshot_of({7: 2}, elapsed_s=2.0)], 2.0, 100.0)
    >>> late = Source([snapshot_of({7: 5})], 2.0, 101.0)
    >>> [(moment.elapsed_s, moment.pss_bytes) for moment in joined([early, late])]
    [(0.0, 1), (1.0, 6), (2.0, 7), (3.0, 2)]
    """
    first_s = min(source.started_unix_s for source in sources)
    newest: list[Snapshot | None] = [None] * len(sources)
    streams = (
        _stream(number, source, source.started_unix_s - first_s)
        for number, source in enumerate(sources)
    )
    running = len(sources)
    for time_s, events in groupby(heapq.merge(*streams), key=itemgetter(0)):
        for _, number, _, snapshot, gap in events:
            if gap is not None:
                yield gap
            newest[number] = snapshot
            running -= snapshot is None
        # Between two of them there is nothing; after the last, no course.
        if running:
            yield Moment(time_s, tuple(newest), sum(_pss_bytes(one) for one in newest))


_Event = tuple[float, int, int, Snapshot | None, Gap | None]


def _stream(number: int, source: Source, offset_s: float) -> Iterator[_Event]:
    """Yield what happens in a recording, in an order that compares no snapshots; then its end."""
    time_s, count = offset_s, 0
    for count, (snapshot, gap) in enumerate(_with_gaps(source.snapshots, source.interval_s)):
        time_s = snapshot.elapsed_s + offset_s
        moved = None if gap is None else Gap(gap.start_s + offset_s, gap.end_s + offset_s)
        yield time_s, number, count, snapshot, moved
    yield time_s + source.interval_s, number, count + 1, None, None


def _pss_bytes(snapshot: Snapshot | None) -> int:
    return 0 if snapshot is None else snapshot.total.pss_bytes or 0
