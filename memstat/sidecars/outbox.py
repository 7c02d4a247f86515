"""The lines that a sidecar has for a host which may be too busy to read. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import groupby
from typing import Final

MOST_BYTES: Final = 1 << 24

_Line = tuple[bytes, int | None]
"""A line, and the total if it is a snapshot, which may be dropped."""


class Outbox:
    r"""A bounded queue of lines to be written, in order.

    Above ``most_bytes`` it keeps the larger of every two neighbouring snapshots, so that a host
    which does not read for minutes still gets the peak of every phase.

    >>> outbox = Outbox(most_bytes=8)
    >>> for total in (3, 9, 5, 4):
    ...     outbox.put(b"%d..\n" % total, total)
    >>> outbox.put(b"end\n")
    >>> while chunk := outbox.head:
    ...     print(chunk)
    ...     outbox.sent(len(chunk))
    b'9..\n'
    b'4..\n'
    b'end\n'
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._waiting: deque[_Line] = deque()
        self._size = 0
        self._head = b""

    def put(self, line: bytes, total: int | None = None) -> None:
        """Add a line, with the total of a snapshot; a line without a total is never dropped."""
        self._waiting.append((line, total))
        self._size += len(line)
        if self._size > self._most_bytes and total is not None:
            self._thin_out()

    @property
    def head(self) -> bytes:
        """The bytes to write next; empty when there are none."""
        if not self._head and self._waiting:
            self._head, _ = self._waiting.popleft()
            self._size -= len(self._head)
        return self._head

    def sent(self, size: int) -> None:
        """Remove ``size`` bytes, which have been written, from the head."""
        self._head = self._head[size:]

    def _thin_out(self) -> None:
        # Never across a line that is not a snapshot: it may end a phase.
        kept: deque[_Line] = deque()
        for droppable, run in groupby(self._waiting, key=lambda line: line[1] is not None):
            lines = list(run)
            kept.extend(_larger_of_pairs(lines) if droppable else lines)
        self._waiting = kept
        self._size = sum(len(line) for line, _ in kept)


def _larger_of_pairs(lines: list[_Line]) -> Iterable[_Line]:
    for at in range(0, len(lines), 2):
        yield max(lines[at : at + 2], key=lambda line: line[1] or 0)
