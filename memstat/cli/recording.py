"""What ``--record`` asks for: nothing most often."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from memstat.background import in_thread
from memstat.cli.options import RecordOptions
from memstat.errors import OutputError
from memstat.sampling.observation import Observation
from memstat.sampling.observer import Observer

if TYPE_CHECKING:  # Imported where something is recorded.
    from memstat.jsonlines import Json
    from memstat.recording.disk import Disk
    from memstat.recording.header import Header
    from memstat.recording.recorder import Recorder

Warn = Callable[[str], Awaitable[None]]


class Recording:
    """The recording that was asked for, or none. Its file is open before anything is started."""

    def __init__(self, options: RecordOptions | None, files: ExitStack) -> None:
        """Open the file, which ``files`` closes. Raises RecordingError."""
        self.has_arguments = options is not None and options.arguments
        """Whether command lines are recorded too."""
        self._has_maps = options is not None and options.maps
        self._disk: Disk | None = None
        self._recorder: Recorder | None = None
        if options is not None:
            from memstat.recording.record import open_disk  # noqa: PLC0415 - only here

            self._disk = open_disk(options.path)
            files.callback(self._disk.close)

    def require_another_file(self, others: Mapping[str, str | None]) -> None:
        """Raise OutputError when it would be written into one of these files, by their options."""
        if self._disk is None:
            return
        for option, path in others.items():
            if path is not None and _is_same_file(path, self._disk.name):
                raise OutputError(
                    f"{option} and --record name the same file, {path}: each would overwrite the"
                    " other"
                )

    @property
    def remark(self) -> str | None:
        """What is missing from it, unless it stopped: that has been reported then."""
        recorder = self._recorder
        return None if recorder is None or recorder.error is not None else recorder.remark

    @asynccontextmanager
    async def at_work(
        self, header: Callable[[], Header], warn: Warn
    ) -> AsyncIterator[Sequence[Observer]]:
        """Yield what has to observe all that is measured; ``warn`` gets why it stops."""
        if self._disk is None:
            yield ()
            return
        from memstat.recording.recorder import Recorder  # noqa: PLC0415 - likewise

        self._recorder = Recorder(self._disk, await in_thread(header), report=warn)
        async with self._recorder.at_work():
            yield (self._recorder,)

    @asynccontextmanager
    async def mapping(self, observed: Observation) -> AsyncIterator[None]:
        """Record what the memory consists of at each new peak, if that was asked for."""
        if self._recorder is None or not self._has_maps:
            yield
            return
        from memstat.recording.keeper import mappings_kept  # noqa: PLC0415 - likewise

        async with mappings_kept(observed, self._recorder):
            yield

    def conclude(self, summary: Callable[[], Json]) -> None:
        """Have this be the last line."""
        if self._recorder is not None:
            self._recorder.conclude(summary())


def _is_same_file(one: str, other: str) -> bool:
    return os.path.isfile(other) and os.path.realpath(one) == os.path.realpath(other)
