"""Recording what the memory consists of at each new peak."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import anyio

from memstat.background import beside
from memstat.errors import TooManyDescriptors
from memstat.mappings import Mappings
from memstat.model import Snapshot
from memstat.recording.peak_plan import PeakPlan
from memstat.results import Mark
from memstat.sampling.observation import Observation


class MappingsRecorder(Protocol):
    """What keeps them."""

    @property
    def error(self) -> str | None:
        """Why it keeps nothing any more; ``None`` while it does."""
        ...

    def take_mappings(self, mappings: Mappings) -> None:
        """Keep what was read. It does not wait."""
        ...


@asynccontextmanager
async def mappings_kept(observed: Observation, recorder: MappingsRecorder) -> AsyncIterator[None]:
    """Record what the memory consists of at each new peak, while the block lasts."""
    keeper = _Keeper(observed, recorder)
    async with beside(keeper.work):
        observed.attach(keeper)
        try:
            yield
        finally:
            observed.detach(keeper)


class _Keeper:
    """Waits for new peaks and reads what is there then, beside the sampling."""

    def __init__(self, observed: Observation, recorder: MappingsRecorder) -> None:
        self._observed = observed
        self._recorder = recorder
        self._plan = PeakPlan(observed.budget)
        self._due: Snapshot | None = None
        self._news = anyio.Event()

    def take_snapshot(self, snapshot: Snapshot) -> None:
        # What is certain of the total: for a guess, no walk is put off.
        if self._plan.is_due(snapshot.total.pss_low_bytes, snapshot.elapsed_s):
            self._due = snapshot
            self._news.set()

    def take_mark(self, mark: Mark) -> None:
        """Do nothing: a mark changes no memory."""

    async def work(self) -> None:
        while self._recorder.error is None:
            await self._news.wait()
            self._news = anyio.Event()
            snapshot, self._due = self._due, None
            if snapshot is not None:
                await self._read(snapshot)

    async def _read(self, snapshot: Snapshot) -> None:
        try:
            mappings = await self._observed.mappings(snapshot)
        except TooManyDescriptors:
            # The sampling raises it as well, if that lasts.
            return
        pss_bytes = mappings.total.pss_bytes or 0
        # Less where processes have ended meanwhile: what was kept before says more.
        if self._plan.is_new(pss_bytes):
            self._recorder.take_mappings(mappings)
        self._plan.take(
            pss_bytes,
            longest_s=mappings.held_s,
            sum_s=max(mappings.cpu_s, mappings.read_s),
            now_s=mappings.elapsed_s,
        )
