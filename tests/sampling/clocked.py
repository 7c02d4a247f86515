"""Made-up processes on a clock of their own: a look at them takes as long as it is meant to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memstat.model import ProcessKey, ReadStatus
from memstat.proc.source import Afterwards, Glance, ProcessReader, Reading
from memstat.testing import FakeProc

WALK_S = 60e-6
BYTE_S = 20e-9 / 1024
"""What a walk takes, and more for each byte."""


class ClockedProc(FakeProc):
    """A system with a clock that only listings, walks and the script move."""

    def __init__(self, *, listing_s: float = 0.0) -> None:
        self.now_s = 0.0
        self.listing_s = listing_s
        """How long a listing takes."""
        self.listings = 0
        """How many there were."""
        self.walks = 0
        super().__init__()

    def clock(self) -> float:
        return self.now_s

    def list_processes(self) -> Mapping[int, int]:
        self.listings += 1
        self.now_s += self.listing_s
        return super().list_processes()

    def reader(self, key: ProcessKey) -> ProcessReader:
        return _ClockedReader(self, super().reader(key))


@dataclass
class _ClockedReader:
    proc: ClockedProc
    reader: ProcessReader

    def glance(self, *, with_faults: bool, with_parent: bool = True) -> Glance | None:
        return self.reader.glance(with_faults=with_faults, with_parent=with_parent)

    def walk(self) -> Reading:
        reading = self.reader.walk()
        self.proc.walks += reading.status is ReadStatus.MEASURED
        self.proc.now_s += WALK_S + BYTE_S * (reading.memory.rss_bytes or 0)
        return reading

    def afterwards(self) -> Afterwards:
        return self.reader.afterwards()

    def close(self) -> None:
        self.reader.close()
