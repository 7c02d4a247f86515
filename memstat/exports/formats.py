"""The formats that a recording can be exported to, by their names and by those of files. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from memstat.exports.folded import folded_text
from memstat.exports.metrics import openmetrics_text
from memstat.exports.table import csv_text
from memstat.exports.trace import trace_text
from memstat.recording.loading import Recording

TextOf = Callable[[Recording], Iterator[str]]

FOLDED: Final = "folded"
SQLITE: Final = "sqlite"
"""The format that is no text: ``memstat.exports.database`` writes it."""
TEXTS: Final[Mapping[str, TextOf]] = {
    "csv": csv_text,
    "trace": trace_text,
    "openmetrics": openmetrics_text,
    FOLDED: folded_text,
}
NAMES: Final = (*TEXTS, SQLITE)

_ENDINGS: Final[Mapping[str, str]] = {
    ".csv": "csv",
    ".trace.json": "trace",
    ".om": "openmetrics",
    ".folded": FOLDED,
    ".db": SQLITE,
    ".sqlite": SQLITE,
}
_GZIP: Final = ".gz"
ENDINGS: Final = ", ".join(_ENDINGS)


class Format(NamedTuple):
    """What a file is to be."""

    name: str
    """One of ``NAMES``."""
    is_compressed: bool = False
    """Whether by gzip."""


def format_of(path: str, name: str | None = None) -> Format | None:
    """Return the format of a file with this name, or the one that was named for it.

    ``None`` where the name of the file says nothing of it.

    >>> format_of("mem.csv"), format_of("mem.trace.json.gz"), format_of("mem.txt")
    (Format(name='csv', is_compressed=False), Format(name='trace', is_compressed=True), None)
    """
    plain = path.removesuffix(_GZIP)
    found = name or next((of for end, of in _ENDINGS.items() if plain.endswith(end)), None)
    return None if found is None else Format(found, is_compressed=plain != path)
