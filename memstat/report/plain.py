"""The line format of pipes, logs and scripts. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from memstat.model import Memory, ProcessSample, ReadStatus, Snapshot
from memstat.report.estimates import measured_total, pss_text
from memstat.text import printable
from memstat.units import KIB

_INDENT: Final = "  "
_UNKNOWN: Final = "unknown"


def block(snapshot: Snapshot, *, verbose: bool, in_bytes: bool) -> str:
    r"""Return the lines of a snapshot: with ``verbose`` one per process, then the total.

    An estimate has a ``~``, but for ``in_bytes``: there numbers are bare.

    >>> from memstat.testing import snapshot_of
    >>> print(block(snapshot_of({7: 2048}), verbose=True, in_bytes=False))
    [7] 2 kB (p7)
    Total: 2 kB
    >>> print(block(snapshot_of({7: 2048}), verbose=True, in_bytes=True))
    [7] 2048 (p7)
    2048
    """
    size = _in_bytes if in_bytes else _in_kb
    pss = _bare_pss if in_bytes else _pss_in_kb
    lines = [_process_line(p, size, pss) for p in snapshot.processes] if verbose else []
    total = pss(measured_total(snapshot))
    return "\n".join([*lines, total if in_bytes else f"Total: {total}"])


_Size = Callable[[int | None], str]
_Pss = Callable[[Memory], str]


def _in_bytes(size_bytes: int | None) -> str:
    return _UNKNOWN if size_bytes is None else str(size_bytes)


def _in_kb(size_bytes: int | None) -> str:
    return _UNKNOWN if size_bytes is None else f"{size_bytes // KIB} kB"


def _bare_pss(memory: Memory) -> str:
    return _in_bytes(memory.pss_bytes)


def _pss_in_kb(memory: Memory) -> str:
    return pss_text(memory, _in_kb)


def _process_line(process: ProcessSample, size: _Size, pss: _Pss) -> str:
    indent, memory = _INDENT * process.depth, _memory(process, size, pss)
    return f"{indent}[{process.key.pid}] {memory} ({printable(process.name)})"


def _memory(process: ProcessSample, size: _Size, pss: _Pss) -> str:
    match process.status:
        case ReadStatus.MEASURED:
            return pss(process.memory)
        case ReadStatus.DENIED if process.memory.rss_bytes is not None:
            return f"denied, RSS {size(process.memory.rss_bytes)}"
        case ReadStatus.NO_MEMORY:
            return "no memory"
        case ReadStatus.UNREADABLE:
            return f"unreadable: {printable(process.reason or '')}"
        case status:
            return status.value
