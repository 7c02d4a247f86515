"""An instant of one recording or of several, as small as a course of it can hold many. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator
from typing import Final, NamedTuple

from memstat.model import Memory, ReadStatus, Snapshot

UNKNOWN: Final = -1


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
        memories: list[Memory] = []
        for source, snapshot in enumerate(moment.snapshots):
            if snapshot is not None:
                low_bytes += snapshot.total.pss_low_bytes or 0
                high_bytes += snapshot.total.pss_high_bytes or 0
                memories += [sample.memory for sample in snapshot.processes]
                numbers.extend(self._numbers_of(source, snapshot))
        return Frame(
            moment.elapsed_s,
            moment.pss_bytes,
            low_bytes,
            high_bytes,
            numbers,
            _known([memory.pss_bytes for memory in memories]),
            _known([memory.pss_anon_bytes for memory in memories]),
            _known([memory.pss_file_bytes for memory in memories]),
            _known([memory.pss_shmem_bytes for memory in memories]),
            bytes([memory.pss_low_bytes != memory.pss_high_bytes for memory in memories]),
        )

    def _numbers_of(self, source: int, snapshot: Snapshot) -> Iterator[int]:
        for sample in snapshot.processes:
            # All that makes an entry, without making one each time.
            seen = (source, sample.key, sample.name, sample.ppid, sample.depth, sample.status)
            number = self._numbers.get(seen)
            if number is None:
                number = self._numbers[seen] = len(self.entries)
                process = Process(source, sample.key.pid, sample.key.start_ticks, sample.name)
                self.entries.append(Entry(process, sample.ppid, sample.depth, sample.status))
            yield number


def _known(sizes: Iterable[int | None]) -> array[int]:
    return array("q", [UNKNOWN if size is None else size for size in sizes])
