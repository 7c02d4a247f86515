"""Writing to a descriptor that may be in non-blocking mode, because another process made it so.

The mode belongs to the open file, not to the descriptor: a program that makes its own stdout
non-blocking, as Node.js does, changes the pipe for every process that shares it.
"""

from __future__ import annotations

import errno
import io
import os
import select
import time
from typing import IO, TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PATIENCE_S: Final = 5.0
"""How long to wait for a reader that reads nothing, once the wait is limited."""
_LOOK_UP_MS: Final = 200
"""How often a wait looks whether it has been limited meanwhile, from another thread."""


class Patience:
    """How long a write waits for room: without limit, until ``limit`` is called. For any thread."""

    def __init__(self) -> None:
        self.is_limited = False

    def limit(self) -> None:
        """From now on, give up after ``PATIENCE_S`` without any progress."""
        self.is_limited = True


class PatientFile(io.RawIOBase):
    """A descriptor of another owner, which is not closed here, as a file to write to.

    On a blocking descriptor a write blocks as ever; on a non-blocking one it waits for room.
    """

    def __init__(self, fd: int, patience: Patience | None = None) -> None:
        self._fd = fd
        self._patience = patience or Patience()
        self._failure: OSError | None = None

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of it. Raises OSError, with ETIMEDOUT when the patience has run out.

        After that every write fails at once: closing a stream flushes it first.
        """
        if self._failure is not None:
            raise self._failure
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                self._wait_for_room()
        return size

    def _wait_for_room(self) -> None:
        poll = select.poll()
        # A reader that has gone counts as room: the next write then fails as it should.
        poll.register(self._fd, select.POLLOUT)
        limited_s: float | None = None
        while not poll.poll(_LOOK_UP_MS):
            if self._patience.is_limited:
                now_s = time.monotonic()
                limited_s = now_s if limited_s is None else limited_s
                if now_s - limited_s > PATIENCE_S:
                    raise OSError(errno.ETIMEDOUT, f"nothing was read from it for {PATIENCE_S:g} s")


def patient_text(stream: TextIO, patience: Patience | None = None, *, errors: str) -> TextIO:
    """Return a stream of the same descriptor and encoding that waits for room."""
    raw = PatientFile(stream.fileno(), patience)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=stream.encoding, errors=errors)


def write_at_once(stream: TextIO, text: str) -> bool:
    """Write text if it needs no wait, whole or not at all; return whether it did.

    Only a pipe takes all of it or nothing (pipe(7): no more than ``PIPE_BUF`` bytes). To ask it for
    room first would not do, as another program may fill it meanwhile. Whatever fails is left to a
    write that may wait, kernels without RWF_NOWAIT (pwritev2(2)) included.
    """
    data = text.encode(stream.encoding, stream.errors or "strict")
    if len(data) > select.PIPE_BUF:
        return False
    try:
        os.pwritev(stream.fileno(), [data], -1, os.RWF_NOWAIT)
    except OSError:
        return False
    return True


def patient_file(file: IO[bytes], patience: Patience) -> TextIO:
    """Return a stream of UTF-8 text to a file, which waits for room; the file stays its owner's."""
    raw = PatientFile(file.fileno(), patience)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace")
