"""What a watch and a supervised command have in common: snapshots, their peak, marks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from memstat.model import ProcessKey, Snapshot
from memstat.proc.tree import Scope
from memstat.results import Mark, Peak, SamplingStats
from memstat.sampling.observer import Observer
from memstat.sampling.sampler import Sampler
from memstat.sampling.tally import Tally

if TYPE_CHECKING:  # Most measurements do without it.
    from memstat.mappings import Mappings


class Observation:
    """The snapshots that a sampler takes, and what they add up to.

    A slow iteration gets the newest snapshot and skips those before it. The peaks are taken from
    all snapshots, also without any iteration. A snapshot under way when a phase ends belongs to
    neither phase: part of it was read before.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    @property
    def scope(self) -> Scope:
        """Which processes are measured."""
        return self._sampler.scope

    @property
    def interval_s(self) -> float:
        """Seconds between two ticks; where the rate is free, at the moment."""
        return self._sampler.interval_s

    def attach(self, observer: Observer) -> None:
        """Pass every snapshot and mark from now on to an observer."""
        self._sampler.observers.append(observer)

    def detach(self, observer: Observer) -> None:
        """Pass nothing more to an observer."""
        self._sampler.observers.remove(observer)

    @property
    def budget(self) -> float:
        """The part of its time for which reading its pages may hold a process up."""
        return self._sampler.budget

    async def mappings(self, snapshot: Snapshot) -> Mappings:
        """Return what the memory of the processes of one of its snapshots consists of now.

        That holds them up as walks do, and is charged to the budget: these become fewer. Raises
        TooManyDescriptors.
        """
        return await self._sampler.map(snapshot)

    @property
    def tally(self) -> Tally:
        """What is kept of all snapshots."""
        return self._sampler.tally

    @property
    def latest(self) -> Snapshot | None:
        """The newest snapshot; ``None`` before the first."""
        return self.tally.latest

    @property
    def peak(self) -> Peak | None:
        """The peak since the start or the last ``reset_peak``; ``None`` if nothing was measured."""
        return self.tally.peak

    @property
    def process_peaks(self) -> Mapping[ProcessKey, int]:
        """The largest PSS of each process in bytes, for some seconds after its end too."""
        return self.tally.process_peaks

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks so far, oldest first."""
        return self.tally.marks

    @property
    def stats(self) -> SamplingStats:
        """How the sampling goes."""
        return self.tally.stats

    def reset_peak(self) -> None:
        """Begin ``peak`` anew, to measure a phase. Marks keep theirs."""
        self._sampler.reset_peak()

    def mark(self, name: str) -> Mark:
        """Name this instant; the mark has the peak since the mark before it, or the start.

        It takes no sample: that peak is ``None`` when no tick fell in between. ``peak`` goes on.
        """
        return self._sampler.mark(name)

    def resumed(self) -> None:
        """Note that this process was stopped until now, which explains ticks that were missed."""
        self._sampler.resumed()

    async def ended(self) -> None:
        """Wait until there are no more snapshots."""
        await self._sampler.snapshots.closed()

    def __aiter__(self) -> AsyncIterator[Snapshot]:
        return aiter(self._sampler.snapshots)
