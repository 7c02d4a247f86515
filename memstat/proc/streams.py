"""Paths that name a stream which this process has inherited: ``/dev/stdout``, ``/dev/fd/N``.

Opened, they would be another open file, with an offset of its own, and emptied by truncation; what
is meant is the stream as it is (dup(2)).
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from typing import Final

_BY_NAME: Final = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_BY_NUMBER: Final = r"/(?:dev/fd|proc/(?:self|thread-self|[0-9]+)/fd)/([0-9]+)"
_MOST_LINKS: Final = 40
"""As many as the kernel follows (path_resolution(7))."""


def stream_of(path: str) -> int | None:
    """Return the descriptor that a path names, itself or by symbolic links; else ``None``.

    >>> stream_of("/dev/stdout"), stream_of("/dev/fd/7"), stream_of("/dev/null")
    (1, 7, None)
    """
    for _ in range(_MOST_LINKS):
        path = os.path.normpath(path)
        if path in _BY_NAME:
            return _BY_NAME[path]
        numbered = re.fullmatch(_BY_NUMBER, path)
        if numbered and _is_ours(path):
            return int(numbered[1])
        try:
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        except OSError:
            break
    return None


def is_stdout(path: str) -> bool:
    """Whether a path means standard output as it is; so does ``-``.

    >>> is_stdout("-"), is_stdout("/dev/fd/1"), is_stdout("/dev/stderr")
    (True, True, False)
    """
    return path == "-" or stream_of(path) == 1


def _is_ours(path: str) -> bool:
    owner = path.split("/")[2]
    return not owner.isdecimal() or int(owner) == os.getpid()


def duplicate(fd: int) -> int:
    """Return another descriptor of an inherited stream. Raises OSError, EBADF for one of our own.

    EBADF also where it is closed, or open for reading alone.
    """
    # What this process has opened itself, in place of a closed stream too, is no stream of a user.
    is_writable = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    if not is_writable or not os.get_inheritable(fd):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return os.dup(fd)
