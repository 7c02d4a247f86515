"""Texts by key that come in any order and are read key by key, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable, Iterator
from contextlib import ExitStack
from typing import Final, Generic, TypeVar

_MOST_IN_MEMORY: Final = 4 << 20
_ENCODING: Final = "utf-8"

K = TypeVar("K", bound=Hashable)


class Spool(Generic[K]):
    """Keeps what is added to each key, in its order; beyond some characters in a temporary file.

    >>> with Spool() as spool:
    ...     for key, text in (("a", "1"), ("b", "2"), ("a", "3")):
    ...         spool.add(key, text)
    ...     [(key, "".join(spool.texts(key))) for key in spool]
    [('a', '13'), ('b', '2')]
    """

    def __init__(self, most_in_memory: int = _MOST_IN_MEMORY) -> None:
        self._most = most_in_memory
        self._held = 0
        self._in_memory: dict[K, list[str]] = {}
        self._written: dict[K, list[tuple[int, int]]] = {}
        self._files = ExitStack()

    def __enter__(self) -> Spool[K]:
        self._file = self._files.enter_context(tempfile.TemporaryFile())
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, key: K, text: str) -> None:
        """Add a text to those of a key. Raises OSError when the temporary file takes no more."""
        self._in_memory.setdefault(key, []).append(text)
        self._held += len(text)
        if self._held >= self._most:
            self._write_out()

    def __iter__(self) -> Iterator[K]:
        """Yield the keys."""
        yield from dict.fromkeys([*self._written, *self._in_memory])

    def texts(self, key: K) -> Iterator[str]:
        """Yield the texts of a key, several as one."""
        for offset, length in self._written.get(key, ()):
            self._file.seek(offset)
            yield self._file.read(length).decode(_ENCODING)
        yield "".join(self._in_memory.get(key, ()))

    def _write_out(self) -> None:
        offset = self._file.seek(0, 2)
        for key, texts in self._in_memory.items():
            block = "".join(texts).encode(_ENCODING)
            self._file.write(block)
            self._written.setdefault(key, []).append((offset, len(block)))
            offset += len(block)
        self._in_memory.clear()
        self._held = 0
