"""Records what a measurement takes: every snapshot and mark, by one task that writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio

from memstat.background import beside, in_thread
from memstat.errors import RecordingError
from memstat.jsonlines import Json
from memstat.mappings import Mappings
from memstat.model import Snapshot
from memstat.recording.backlog import Backlog
from memstat.recording.disk import Disk
from memstat.recording.header import Header
from memstat.recording.naming import is_packed
from memstat.recording.script import Script
from memstat.results import Mark
from memstat.text import plural

__all__ = ["Recorder"]

_FLUSH_S: Final = 0.8
"""How long a snapshot waits to be written with others: with the writing itself, under a second."""

Report = Callable[[str], Awaitable[None]]


async def _report_nothing(note: str) -> None: ...


class Recorder:
    """A recording that is being made. Made by ``record``.

    When it cannot go on, ``error`` says why, and all else continues.
    """

    def __init__(
        self,
        disk: Disk,
        header: Header,
        *,
        backlog: Backlog | None = None,
        report: Report = _report_nothing,
    ) -> None:
        self.error: str | None = None
        """Why the recording has stopped; ``None`` while it goes on."""
        self._disk = disk
        self._script = Script(header, packs=is_packed(disk.name))
        self._backlog = Backlog() if backlog is None else backlog
        self._report = report
        self._news = anyio.Event()
        self._closing = anyio.Event()
        self._written = anyio.Event()
        self._summary: Json | None = None

    @property
    def path(self) -> str:
        """The file."""
        return self._disk.name

    @property
    def dropped(self) -> int:
        """How many snapshots are missing, because the disk was too slow."""
        return self._backlog.dropped

    @property
    def remark(self) -> str | None:
        """What a user has to know of it, in a line; ``None`` when nothing is missing."""
        if self.error is not None:
            return f"the recording stopped: {self.error}"
        if self.dropped:
            snapshots = plural(self.dropped, "snapshot is", "snapshots are")
            return f"{snapshots} missing from {self.path}: the disk was too slow"
        return None

    def take_snapshot(self, snapshot: Snapshot) -> None:
        """Record a snapshot, soon. It does not wait."""
        self._take(snapshot)

    def take_mark(self, mark: Mark) -> None:
        """Record a mark, likewise."""
        self._take(mark)

    def take_mappings(self, mappings: Mappings) -> None:
        """Record what the memory consists of, likewise."""
        self._take(mappings)

    def conclude(self, summary: Json) -> None:
        """Have this be the last line."""
        self._summary = summary

    def _take(self, item: Snapshot | Mark | Mappings) -> None:
        if self.error is None:
            self._backlog.add(item)
            self._news.set()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Write until the block is left, and then what is left to write."""
        async with beside(self._write):
            try:
                yield
            finally:
                # Not cancelled: what has been taken is written.
                with anyio.CancelScope(shield=True):
                    await self._close()

    async def _close(self) -> None:
        self._disk.hurry()
        self._closing.set()
        self._news.set()
        await self._written.wait()

    async def _write_all(self) -> None:
        await self._disk.write(self._script.begin())
        is_last = False
        while not is_last:
            await self._news.wait()
            with anyio.move_on_after(_FLUSH_S):
                await self._closing.wait()
            self._news = anyio.Event()
            is_last = self._closing.is_set()
            # Not on the loop: for hundreds of processes this takes milliseconds.
            data = await in_thread(self._script.go_on, self._backlog.take(), is_last)
            await self._disk.write(data)
            is_last = is_last and self._backlog.is_empty
        if self._summary is not None:
            await self._disk.write(self._script.end(self._summary))

    async def _write(self) -> None:
        # No write is cancelled: it would go on in its thread while the file is closed.
        with anyio.CancelScope(shield=True):
            try:
                await self._write_all()
            except (RecordingError, MemoryError, RuntimeError) as error:
                # The last of them: no thread can be started.
                self.error = str(error) or "out of memory"
                self._backlog.take()
                await self._report(f"the recording stopped: {self.error}")
            finally:
                self._disk.close()
                self._written.set()
