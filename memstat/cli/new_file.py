"""A file that takes its place once it is complete: others see the old one or the new one."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from memstat.errors import OutputError
from memstat.proc.streams import stream_of

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@contextmanager
def new_file(path: str) -> Iterator[str]:
    """Give the path of an empty file beside this one, which it replaces at the end of the block.

    Where the block raises, or a signal ends this process meanwhile, nothing of it is left and what
    was there before stays. What is no regular file (``/dev/null``, a named pipe) is given itself.

    Raises OutputError where the file cannot be made, or be put into its place.
    """
    target = os.path.realpath(path)
    with explained(path):
        # A stream that was inherited has a path of its own, and may be a pipe.
        if stream_of(path) is not None or is_special(target):
            yield path
            return
        beside = create_beside(target)
        with _removed_by_signals(beside):
            try:
                yield beside
                put_in_place(beside, target)
            finally:
                # It has another name by now, where all went well.
                with suppress(FileNotFoundError):
                    os.unlink(beside)


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Raise OutputError where the block raises OSError: it has to do with this file."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: str, error: Exception) -> OutputError:
    """Return the error to raise where a file could not be written."""
    reason = error.strerror if isinstance(error, OSError) else None
    return OutputError(f"cannot write to {path}: {reason or error}")


def is_special(target: str) -> bool:
    """Whether it is there and no regular file. Raises OSError where it may not be overwritten."""
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return not stat.S_ISREG(mode)


def create_beside(target: str) -> str:
    """Return the path of an empty file in the same directory. Raises OSError."""
    fd, beside = tempfile.mkstemp(prefix=".memstat-", dir=os.path.dirname(target))
    os.close(fd)
    return beside


def put_in_place(beside: str, target: str) -> None:
    """Replace a file by another that is complete, with its mode. Raises OSError."""
    with open(beside, "rb") as file:
        # Some file systems find only now that the disk is full.
        os.fsync(file.fileno())
    if os.path.exists(target):
        shutil.copymode(target, beside)
    else:
        umask = os.umask(0o077)
        os.umask(umask)
        os.chmod(beside, 0o666 & ~umask)
    os.replace(beside, target)


@contextmanager
def _removed_by_signals(path: str) -> Iterator[None]:
    """Remove a file before a signal ends this process within the block."""

    def end(signum: int, _: object) -> None:
        with suppress(FileNotFoundError):
            os.unlink(path)
        signal.signal(signum, signal.SIG_DFL)
        signal.raise_signal(signum)

    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    for signum, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(signum, end)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
