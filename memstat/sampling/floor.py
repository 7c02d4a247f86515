"""What the kernel's own marks show that no sample did. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memstat.deferred import undated
from memstat.model import ProcessSample, Snapshot

_EXCESS: Final = 1.05
_EXCESS_BYTES: Final = 1 << 20


class RssMarks:
    """Keeps the largest RSS of one process that was sampled, and the largest mark of any."""

    def __init__(self) -> None:
        self.sampled_bytes = 0
        self.mark_bytes = 0
        self._seen: Sequence[ProcessSample] = ()

    def observe(self, snapshot: Snapshot) -> None:
        processes = undated(snapshot)
        if processes is self._seen:
            return
        self._seen = processes
        sampled = [process.memory.rss_bytes or 0 for process in processes]
        marks = [process.rss_peak_bytes or 0 for process in processes]
        self.sampled_bytes = max(self.sampled_bytes, *sampled, 0)
        self.mark_bytes = max(self.mark_bytes, *marks, 0)


def rss_floor(marks: RssMarks, ended_bytes: int | None = None) -> int | None:
    """Return the RSS that one process reached at least; ``None`` when a sample shows as much.

    ``ended_bytes`` is the mark of processes that have ended. Marks are some 100 kB off, and pages
    of a library more or less say nothing: only a clear excess counts.

    >>> marks = RssMarks()
    >>> rss_floor(marks), rss_floor(marks, 300 << 20)
    (None, 314572800)
    """
    floor_bytes = max(marks.mark_bytes, ended_bytes or 0)
    return floor_bytes if is_clearly_more(floor_bytes, marks.sampled_bytes) else None


def is_clearly_more(size_bytes: int, than_bytes: int) -> bool:
    """Whether a size is larger by more than 5 % and more than 1 MiB.

    >>> is_clearly_more(106 << 20, 100 << 20), is_clearly_more(2 << 20, 1 << 20)
    (True, False)
    """
    return size_bytes > max(than_bytes * _EXCESS, than_bytes + _EXCESS_BYTES)
