"""Lines packed into gzip members, and unpacked again from what may be cut off or damaged. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

_GZIP: Final = 16 + zlib.MAX_WBITS
_MAGIC: Final = b"\x1f\x8b"
_START: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
"""What each member begins with that ``packed`` makes."""
_LEVEL: Final = 6
_PIECE_BYTES: Final = 1 << 20
_LONGEST_LINE_BYTES: Final = 1 << 28
"""A whole snapshot of all processes that Linux can have is shorter."""


class Fault(Enum):
    """What a reader meets in place of lines."""

    CUT_OFF = "cut off"
    """It ends in the middle of a line or of a member."""
    DAMAGED = "damaged"
    """Something is missing here: what follows is not the next line."""


def packed(text: bytes) -> bytes:
    """Return a complete gzip member, which any reader of gzip takes after others.

    >>> import gzip
    >>> gzip.decompress(packed(b"one ") + packed(b"two"))
    b'one two'
    """
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(text) + packer.flush()


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes | Fault]:
    r"""Yield the whole lines of a recording, packed or not, and where some are missing.

    >>> [*lines_of([packed(b"one\nto"), packed(b"o\n")[:12]])]
    [b'one', <Fault.CUT_OFF: 'cut off'>]
    """
    rest = b""
    for text in _texts(chunks):
        if isinstance(text, Fault):
            rest = b""
            yield text
            continue
        *lines, rest = (rest + text).split(b"\n")
        yield from lines
        if len(rest) > _LONGEST_LINE_BYTES:
            rest = b""
            yield Fault.DAMAGED
    if rest:
        yield Fault.CUT_OFF


def _texts(chunks: Iterable[bytes]) -> Iterator[bytes | Fault]:
    pieces = iter(chunks)
    first = b""
    while len(first) < len(_MAGIC) and (piece := next(pieces, b"")):
        first += piece
    if first.startswith(_MAGIC):
        yield from _unpacked(first, pieces)
    else:
        yield first
        yield from pieces


def _unpacked(data: bytes, chunks: Iterator[bytes]) -> Iterator[bytes | Fault]:
    """Yield the texts of members; after a damaged one, those from the next on that is found."""
    member = _Member()
    while True:
        if not data and not (data := next(chunks, b"")):
            break
        try:
            text, rest = member.unpack(data)
        except zlib.error:
            yield Fault.DAMAGED
            # In the rest of this chunk, or in those that follow.
            data, member = _find_start(data[1 if member.is_new else 0 :], chunks), _Member()
            continue
        if text:
            yield text
        data = rest
        if member.is_done:
            member = _Member()
    if not member.is_new:
        yield Fault.CUT_OFF


class _Member:
    """A gzip member that is being unpacked."""

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj(_GZIP)
        self.is_new = True

    @property
    def is_done(self) -> bool:
        return self._unpacker.eof

    def unpack(self, data: bytes) -> tuple[bytes, bytes]:
        """Return some text of it, and what is still to be unpacked. Raises zlib.error."""
        text = self._unpacker.decompress(data, _PIECE_BYTES)
        self.is_new = False
        return text, self._unpacker.unused_data or self._unpacker.unconsumed_tail


def _find_start(data: bytes, chunks: Iterator[bytes]) -> bytes:
    """Return all from the start of the next member on, as far as it has been read."""
    while (at := data.find(_START)) < 0:
        chunk = next(chunks, b"")
        if not chunk:
            return b""
        data = data[-len(_START) + 1 :] + chunk
    return data[at:]
