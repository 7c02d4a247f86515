"""An instant of one recording or of several, as small as a course of it can hold many. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Mapping
from operator import itemgetter
from typing import Any, Final, NamedTuple

from memstat.model import ReadStatus, Snapshot
from memstat.recording.rebuilt import fields_of

UNKNOWN: Final = -1
_ENTRY: Final = itemgetter("pid", "start_ticks", "name", "ppid", "depth", "status")


class Process(NamedTuple):
    """What identifies a process in a chart: after ``execve`` it has another name, and is another.

    The name is as the process chose it.
    """

    source: int
    """Which of the recordings has it, from 0."""
    pid: int
    start_ticks: int
    name: str


class Entry(NamedTuple):
    """What a row of a tree shows beside sizes."""

    process: Process
    ppid: int | None
    depth: int
    status: ReadStatus


class Moment(NamedTuple):
    """An instant."""

    elapsed_s: float
    snapshots: tuple[Snapshot | None, ...]
    """The newest of each recording; ``None`` before it starts and after it has ended."""
    pss_bytes: int
    """The sum of the totals that are known."""


class Frame(NamedTuple):
    """A moment as arrays: a thousand of them, each of 300 processes, take 14 MB and not 200.

    Sizes are bytes, -1 where unknown, those of a process at one place in each array.
    """

    elapsed_s: float
    pss_bytes: int
    pss_low_bytes: int
    pss_high_bytes: int
    entries: array[int]
    """Indices in the list of entries, in the order of the tree."""
    pss: array[int]
    anon: array[int]
    file: array[int]
    shmem: array[int]
    estimated: bytes
    """Whether its PSS is an estimate."""


class Register:
    """Numbers entries in the order in which they are first seen."""

    def __init__(self) -> None:
        self.entries: Final[list[Entry]] = []
        self._numbers: Final[dict[Hashable, int]] = {}

    def frame(self, moment: Moment) -> Frame:
        """Return a moment as a frame with the numbers of this register.

        >>> from memstat.testing import snapshot_of
        >>> Register().frame(Moment(0.0, (snapshot_of({7: 4096}),), 4096)).pss
        array('q', [4096])
        """
        low_bytes = high_bytes = 0
        numbers = array("L")
        rows: list[Mapping[str, Any]] = []
        for source, snapshot in enumerate(moment.snapshots):
            if snapshot is not None:
                low_bytes += snapshot.total.pss_low_bytes or 0
                high_bytes += snapshot.total.pss_high_bytes or 0
                fields = fields_of(snapshot)
                numbers.extend([self._number_of(source, row) for row in fields])
                rows += fields
        return Frame(
            moment.elapsed_s,
            moment.pss_bytes,
            low_bytes,
            high_bytes,
            numbers,
            _known(rows, "pss_bytes"),
            _known(rows, "pss_anon_bytes"),
            _known(rows, "pss_file_bytes"),
            _known(rows, "pss_shmem_bytes"),
            bytes([row.get("pss_low_bytes") != row.get("pss_high_bytes") for row in rows]),
        )

    def _number_of(self, source: int, row: Mapping[str, Any]) -> int:
        # All that makes an entry, without making one each time.
        seen = (source, *_ENTRY(row))
        number = self._numbers.get(seen)
        if number is None:
            number = self._numbers[seen] = len(self.entries)
            pid, start_ticks, name, ppid, depth, status = seen[1:]
            process = Process(source, pid, start_ticks, name)
            self.entries.append(Entry(process, ppid, depth, ReadStatus(status)))
        return number


def _known(rows: Iterable[Mapping[str, Any]], field: str) -> array[int]:
    sizes = [row.get(field) for row in rows]
    return array("q", [UNKNOWN if size is None else size for size in sizes])
