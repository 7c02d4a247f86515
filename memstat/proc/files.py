"""Reading whole files of ``/proc``."""

from __future__ import annotations

import errno
import os
from typing import Final

_FIRST_BYTES: Final = 8192
"""All there is of ``smaps_rollup`` and ``stat``, and of nearly every ``status``."""
_FEW_BYTES: Final = 448
"""All there is of ``statm``, and of nearly every ``stat``."""
_CHUNK: Final = 1 << 16


def read_file(path: str) -> bytes:
    """Return the whole text of a file of ``/proc``."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return fetch(fd)
    finally:
        os.close(fd)


def private_opener(path: str, flags: int) -> int:
    """Open a file for ``open``; one that is made is for its owner alone."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def read_first_bytes(path: str) -> bytes:
    """Return the first 8 KiB of a file of ``/proc``."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(fd, _FIRST_BYTES, 0)
    finally:
        os.close(fd)


def fetch(fd: int) -> bytes:
    """Return the text of a file that the kernel writes in one piece (seq_file): whole at once."""
    text = os.pread(fd, _FIRST_BYTES, 0)
    # Only a text that fills the buffer may go on: status does, for members of many groups.
    return text if len(text) < _FIRST_BYTES else text + _fetch_from(fd, _FIRST_BYTES)


def fetch_short(fd: int) -> bytes:
    """Return the same of a file that has a few hundred bytes, which takes half a microsecond less.

    Python allocates no more for it than what it keeps ready for small objects.
    """
    text = os.pread(fd, _FEW_BYTES, 0)
    return text if len(text) < _FEW_BYTES else fetch(fd)


def fetch_pieces(fd: int) -> bytes:
    """Return the text of a file that the kernel writes mapping by mapping: in many pieces."""
    text = _fetch_from(fd, 0)
    if not text:
        # smaps_rollup fails where smaps is empty: the address space is gone.
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    return text


def _fetch_from(fd: int, offset: int) -> bytes:
    chunks = []
    while chunk := os.pread(fd, _CHUNK, offset):
        chunks.append(chunk)
        offset += len(chunk)
    return b"".join(chunks)
