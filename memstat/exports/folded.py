"""The tree at the peak as folded stacks, for flame graphs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from memstat.model import Snapshot
from memstat.recording.loading import Recording
from memstat.text import printable

_SAFE: Final = str.maketrans({";": ",", " ": "_"})


def folded_text(recording: Recording) -> Iterator[str]:
    """Yield the lines of the tree at the peak; nothing where nothing was measured."""
    if recording.peak is not None:
        yield stacks(recording.peak.snapshot)


def stacks(snapshot: Snapshot) -> str:
    r"""Return a line for each path of names that has memory: ``name;name bytes``.

    Processes with the same path are one line. The bytes are the PSS of the processes themselves.

    >>> from memstat.testing import snapshot_of
    >>> print(stacks(snapshot_of({7: 4096, 8: 2048})), end="")
    p7 4096
    p7;p8 2048
    """
    sizes: Counter[str] = Counter()
    path: list[tuple[int, str]] = []
    for process in snapshot.processes:
        # Its parent is the nearest one before it that is less deep.
        while path and path[-1][0] >= process.depth:
            path.pop()
        path.append((process.depth, frame(process.name)))
        sizes[";".join([name for _, name in path])] += process.memory.pss_bytes or 0
    return "".join(f"{names} {size_bytes}\n" for names, size_bytes in sizes.items() if size_bytes)


def frame(name: str) -> str:
    """Return a name without what separates frames (``;``, as a comma) or ends them (blanks).

    >>> frame("a b;c"), frame("")
    ('a_b,c', '_')
    """
    return printable(name).translate(_SAFE) or "_"
