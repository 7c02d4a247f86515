"""What a watch and a supervised command have in common: snapshots, their peak, marks."""

from __future__ import annotations

from collections.abc import AsyncIterator

from memstat.model import Mark, Peak, SamplingStats, Snapshot
from memstat.sampling.sampler import Sampler


class Measured:
    """The snapshots that a sampler takes, and what they come to.

    Iterating gives the newest to those who are slow. The peaks are taken from all snapshots, also
    when nobody iterates. A snapshot under way when a phase ends belongs to neither side: part of
    it was read before.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    @property
    def latest(self) -> Snapshot | None:
        """The newest snapshot; ``None`` before the first."""
        return self._sampler.snapshots.value

    @property
    def peak(self) -> Peak | None:
        """The peak since the start or the last ``reset_peak``; ``None`` if nothing was measured."""
        return self._sampler.peak

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks so far, oldest first."""
        return self._sampler.marks

    @property
    def stats(self) -> SamplingStats:
        """How the sampling goes."""
        return self._sampler.stats

    def reset_peak(self) -> None:
        """Begin ``peak`` anew, to measure a phase. Marks keep theirs."""
        self._sampler.reset_peak()

    def mark(self, name: str) -> Mark:
        """Name this instant; the mark has the peak since the mark before it, or the start.

        It takes no sample: that peak is ``None`` when no tick fell in between. ``peak`` goes on.
        """
        return self._sampler.mark(name)

    def __aiter__(self) -> AsyncIterator[Snapshot]:
        return aiter(self._sampler.snapshots)
