"""The line format of pipes, logs and scripts."""

from __future__ import annotations

from memstat.model import ProcessSample, ReadStatus, Snapshot
from memstat.text import printable
from memstat.units import KIB

_INDENT = "  "


def block(snapshot: Snapshot, *, verbose: bool, in_bytes: bool) -> str:
    r"""Return the lines of a snapshot: with ``verbose`` one a process, then the total.

    >>> from memstat.testing import snapshot_of
    >>> print(block(snapshot_of({7: 2048}), verbose=True, in_bytes=False))
    [7] 2 kB (p7)
    Total: 2 kB
    >>> print(block(snapshot_of({7: 2048}), verbose=True, in_bytes=True))
    [7] 2048 (p7)
    2048
    """
    lines = [_process_line(p, in_bytes) for p in snapshot.processes] if verbose else []
    total = _size(snapshot.total.pss_bytes, in_bytes)
    return "\n".join([*lines, total if in_bytes else f"Total: {total}"])


def _process_line(process: ProcessSample, in_bytes: bool) -> str:  # noqa: FBT001
    what = _what(process, in_bytes)
    return f"{_INDENT * process.depth}[{process.key.pid}] {what} ({printable(process.name)})"


def _what(process: ProcessSample, in_bytes: bool) -> str:  # noqa: FBT001
    match process.status:
        case ReadStatus.MEASURED:
            return _size(process.memory.pss_bytes, in_bytes)
        case ReadStatus.DENIED if process.memory.rss_bytes is not None:
            return f"denied, RSS {_size(process.memory.rss_bytes, in_bytes)}"
        case ReadStatus.NO_MEMORY:
            return "no memory"
        case status:
            return status.value


def _size(size_bytes: int | None, in_bytes: bool) -> str:  # noqa: FBT001
    if size_bytes is None:
        return "unknown"
    return str(size_bytes) if in_bytes else f"{size_bytes // KIB} kB"
