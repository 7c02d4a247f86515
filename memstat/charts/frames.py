"""An instant of one recording or of several, as small as a course of it can hold many. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from memstat.model import Memory, ReadStatus, Snapshot

_UNKNOWN: Final = -1


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


class Reading(NamedTuple):
    """A process at an instant, in bytes; ``None`` where unknown."""

    entry: Entry
    pss_bytes: int | None
    is_estimated: bool
    anon_bytes: int | None
    file_bytes: int | None
    shmem_bytes: int | None


class Frame(NamedTuple):
    """A moment as arrays: a thousand of them, each of 300 processes, take 12 MB and not 200."""

    elapsed_s: float
    pss_bytes: int
    pss_low_bytes: int
    pss_high_bytes: int
    entries: array[int]
    """Indices in the list of entries."""
    sizes: array[int]
    """Of each of them PSS, anonymous, file and shared; -1 where unknown."""
    estimated: bytes
    """Of each of them whether its PSS is an estimate."""


class Register:
    """Numbers entries in the order in which they are first seen."""

    def __init__(self) -> None:
        self.entries: Final[list[Entry]] = []
        self._numbers: Final[dict[Entry, int]] = {}

    def number(self, entry: Entry) -> int:
        number = self._numbers.setdefault(entry, len(self.entries))
        if number == len(self.entries):
            self.entries.append(entry)
        return number

    def frame(self, moment: Moment) -> Frame:
        """Return a moment as a frame with the numbers of this register."""
        numbers, sizes, estimated = array("L"), array("q"), bytearray()
        low_bytes = high_bytes = 0
        for source, snapshot in enumerate(moment.snapshots):
            if snapshot is None:
                continue
            low_bytes += snapshot.total.pss_low_bytes or 0
            high_bytes += snapshot.total.pss_high_bytes or 0
            for sample in snapshot.processes:
                key = sample.key
                process = Process(source, key.pid, key.start_ticks, sample.name)
                numbers.append(
                    self.number(Entry(process, sample.ppid, sample.depth, sample.status))
                )
                sizes.extend(_sizes(sample.memory))
                estimated.append(sample.memory.is_estimated)
        return Frame(
            moment.elapsed_s,
            moment.pss_bytes,
            low_bytes,
            high_bytes,
            numbers,
            sizes,
            bytes(estimated),
        )


def _sizes(memory: Memory) -> tuple[int, int, int, int]:
    pss, anon = memory.pss_bytes, memory.pss_anon_bytes
    file, shmem = memory.pss_file_bytes, memory.pss_shmem_bytes
    return (
        _UNKNOWN if pss is None else pss,
        _UNKNOWN if anon is None else anon,
        _UNKNOWN if file is None else file,
        _UNKNOWN if shmem is None else shmem,
    )


def readings(frame: Frame, entries: Sequence[Entry]) -> Iterator[Reading]:
    """Yield what a frame has of each process, in the order of the tree.

    >>> from memstat.testing import snapshot_of
    >>> register = Register()
    >>> frame = register.frame(Moment(0.0, (snapshot_of({7: 4096}),), 4096))
    >>> [reading.pss_bytes for reading in readings(frame, register.entries)]
    [4096]
    """
    for at, number in enumerate(frame.entries):
        pss, anon, file, shmem = (
            None if size == _UNKNOWN else size for size in frame.sizes[4 * at : 4 * at + 4]
        )
        yield Reading(entries[number], pss, bool(frame.estimated[at]), anon, file, shmem)
