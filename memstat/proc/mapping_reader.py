"""Reading the mappings of one process of Linux, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from memstat.mappings import MappingGroup, sizes_of
from memstat.model import Identity, Memory, ProcessKey, ReadStatus
from memstat.proc.descriptors import DescriptorBudget
from memstat.proc.mappings import parse_mappings
from memstat.proc.reader import EXECUTES_AGAIN_AND_AGAIN, LinuxReader
from memstat.proc.source import MappedReading

_TRIES: Final = 4
"""How often the address space may change while it is read until that is given up."""


class MappingReader(LinuxReader):
    """Reads ``smaps`` of one process and keeps what its mappings are.

    Which process it is, whether it may be read, and by which of its threads, is found out as for a
    walk.
    """

    __slots__ = ("_groups",)

    def __init__(
        self,
        key: ProcessKey,
        budget: DescriptorBudget,
        *,
        find_hidden: Callable[[int], Identity | None],
    ) -> None:
        super().__init__(key, budget, rollup=False, find_hidden=find_hidden)
        self._groups: list[MappingGroup] = []
        self._parse = self._take

    def read(self) -> MappedReading:
        """Return what it maps. Raises TooManyDescriptors, nothing else of its own.

        The text comes in pieces, and ends early where the process ends or calls ``execve``
        meanwhile: it counts only if the address space is still there.
        """
        try:
            for _ in range(_TRIES):
                reading = self.walk()
                if reading.status is not ReadStatus.MEASURED:
                    return MappedReading(reading)
                if self.afterwards().keeps_memory:
                    return MappedReading(reading, tuple(self._groups))
            return MappedReading(self._unreadable(EXECUTES_AGAIN_AND_AGAIN))
        finally:
            self.close()

    def _take(self, data: bytes) -> Memory:
        self._groups = parse_mappings(data)
        return sizes_of(self._groups)

    def _pages(self, *_: object) -> None:
        """Return None: nothing is estimated from it."""
