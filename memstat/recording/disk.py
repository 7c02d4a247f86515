"""The file of a recording: opened at once, written a batch at a time, without blocking a loop."""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import sys
from contextlib import suppress
from typing import Any, Final

import anyio

from memstat.errors import RecordingError
from memstat.proc.files import private_opener

PATIENCE_S: Final = 5.0
"""How long to wait for the reader of a pipe, once all else is done."""


class Disk:
    """A file that is open for writing; a new one is for its owner alone."""

    def __init__(self, name: str) -> None:
        """Open it. Raises RecordingError. Blocking: a pipe is not open before it has a reader."""
        self.name: Final = name
        self._end = 0
        self._is_hurried = False
        self._waiting: anyio.CancelScope | None = None
        try:
            self._file = io.FileIO(name, "wb", opener=private_opener)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise RecordingError(f"cannot write to {name}: {reason}") from error
        mode = os.fstat(self._file.fileno()).st_mode
        self._is_regular = stat.S_ISREG(mode)
        self._is_pipe = stat.S_ISFIFO(mode)
        if self._is_pipe:
            os.set_blocking(self._file.fileno(), False)

    def hurry(self) -> None:
        """From now on, give up on the reader of a pipe that reads nothing for some seconds."""
        self._is_hurried = True
        if self._waiting is not None:
            self._waiting.deadline = anyio.current_time() + PATIENCE_S

    async def write(self, data: bytes) -> None:
        """Write all of it or, where that fails, nothing. Raises RecordingError."""
        try:
            await self._write(data)
        except OSError as error:
            if self._is_regular:
                with suppress(OSError):
                    await self._wrapped().truncate(self._end)
            raise RecordingError(f"cannot write to {self.name}: {error.strerror}") from error
        self._end += len(data)

    def close(self) -> None:
        # Nothing is buffered: this writes nothing. A disk that is full may be reported here again.
        with suppress(OSError):
            self._file.close()

    async def _write(self, data: bytes) -> None:
        file, rest = self._wrapped(), memoryview(data)
        while rest:
            if self._is_pipe and _has_no_reader(self._file.fileno()):
                # Where SIGPIPE is not ignored, as in a filter, the write would end all.
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            written = await file.write(rest)
            if written is None:
                await self._room()
            else:
                rest = rest[written:]

    async def _room(self) -> None:
        """Wait until the reader of a pipe has read something."""
        deadline_s = anyio.current_time() + PATIENCE_S if self._is_hurried else float("inf")
        with anyio.CancelScope(deadline=deadline_s) as self._waiting:
            await anyio.wait_writable(self._file)
        if self._waiting.cancelled_caught:
            raise OSError(errno.ETIMEDOUT, f"nothing was read from it for {PATIENCE_S:g} s")
        self._waiting = None

    def _wrapped(self) -> Any:
        """Return the file with methods to await: by aiofiles, which knows asyncio alone."""
        if _is_on_trio():
            return anyio.wrap_file(self._file)
        from aiofiles.threadpool import wrap  # noqa: PLC0415 - only where something is recorded

        return wrap(self._file)


def _has_no_reader(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _is_on_trio() -> bool:
    if "trio" not in sys.modules:
        return False
    import sniffio  # noqa: PLC0415 - trio has loaded it

    return sniffio.current_async_library() == "trio"
