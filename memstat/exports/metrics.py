"""A recording in the text format of OpenMetrics, with times: for Prometheus and what reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Final, NamedTuple

from memstat.exports.spool import Spool
from memstat.model import MEMORY_FIELDS, Memory, ProcessKey, Snapshot
from memstat.recording.following import Follower
from memstat.recording.loading import Recording
from memstat.text import printable

_FIELDS: Final[Mapping[str, str]] = {
    "pss_bytes": "Proportional set size",
    "pss_low_bytes": "PSS was no less",
    "pss_high_bytes": "PSS was no more",
    "pss_anon_bytes": "The part of PSS in anonymous pages",
    "pss_file_bytes": "The part of PSS in file pages",
    "pss_shmem_bytes": "The part of PSS in shared memory",
    "uss_bytes": "Unique set size",
    "rss_bytes": "Resident set size",
    "swap_pss_bytes": "Proportional share of swapped-out pages",
}
_sizes_of = attrgetter(*_FIELDS)
_all_sizes_of = attrgetter(*MEMORY_FIELDS)
_NEVER: Final = (None,) * len(_FIELDS)
_REPEATED_S: Final = 60.0
"""A size is written where it changes, and so often where it does not: Prometheus takes a series
without a point for five minutes as ended."""


class _Series(NamedTuple):
    """What its points have in common."""

    process: ProcessKey | None
    """``None``: the total."""
    name: str
    field: str


def openmetrics_text(recording: Recording) -> Iterator[str]:
    """Yield the lines of an exposition, family by family, up to its ``# EOF``.

    The points of a series have to stand together, and a recording has them by their time: they are
    kept in a temporary file meanwhile. Raises OSError where there is no room for it.
    """
    host = f'host="{escaped(recording.header.host.name)}"'
    with Spool[_Series]() as spool:
        points = _Points(spool)
        for snapshot in recording:
            points.add(snapshot)
        yield from _families(spool, host)
    yield "# EOF\n"


def escaped(text: str) -> str:
    r"""Return the value of a label.

    >>> print(escaped('a"b\\c'))
    a\"b\\c
    """
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


def _families(spool: Spool[_Series], host: str) -> Iterator[str]:
    families: dict[str, list[_Series]] = {}
    for series in spool:
        families.setdefault(_family(series), []).append(series)
    for family, members in sorted(families.items()):
        what = _FIELDS[members[0].field]
        scope = "all processes" if members[0].process is None else "a process"
        yield f"# TYPE {family} gauge\n# UNIT {family} bytes\n# HELP {family} {what} of {scope}.\n"
        for series in members:
            start = f"{family}{{{_labels(series, host)}}} "
            for text in spool.texts(series):
                yield "".join([f"{start}{point}\n" for point in text.splitlines()])


def _family(series: _Series) -> str:
    return f"memstat_{'' if series.process else 'total_'}{series.field}"


def _labels(series: _Series, host: str) -> str:
    if series.process is None:
        return host
    key = series.process
    name = escaped(series.name)
    return f'{host},pid="{key.pid}",start_ticks="{key.start_ticks}",name="{name}"'


class _Points:
    """Adds the points of one snapshot after the other to their series."""

    def __init__(self, spool: Spool[_Series]) -> None:
        self._spool = spool
        self._follower = Follower()
        self._began_s: float | None = None
        self._all_written_s = 0.0
        self._names: dict[ProcessKey | None, str] = {None: ""}
        self._last: dict[ProcessKey | None, Memory] = {}

    def add(self, snapshot: Snapshot) -> None:
        if self._began_s is None:
            # The clock on the wall may be set meanwhile, and times must not go back.
            self._began_s = snapshot.unix_time_s - snapshot.elapsed_s
        at_s = self._began_s + snapshot.elapsed_s
        changed, ended = self._follower.step(snapshot)
        for key in ended:
            self._end(key, at_s)
        if is_due := snapshot.elapsed_s - self._all_written_s >= _REPEATED_S:
            self._all_written_s = snapshot.elapsed_s
            changed = self._follower.processes
        for process in changed:
            key = process.key
            if self._names.setdefault(key, process.name) != process.name:
                # The series of a name ends with ``execve``.
                self._end(key, at_s)
                self._names[key] = process.name
            self._write(key, process.memory, at_s, again=is_due)
        self._write(None, snapshot.total, at_s, again=is_due)

    def _end(self, key: ProcessKey, at_s: float) -> None:
        """Write that a process has nothing: else it would seem to be there for minutes."""
        if (last := self._last.get(key)) is not None:
            self._write(key, _nothing_of(last), at_s)
            del self._last[key]
        del self._names[key]

    def _write(
        self, key: ProcessKey | None, memory: Memory, at_s: float, *, again: bool = False
    ) -> None:
        """Write what has changed, or all that is known."""
        last = self._last.get(key)
        known = _NEVER if last is None or again else _sizes_of(last)
        name = self._names[key]
        for field, before, now in zip(_FIELDS, known, _sizes_of(memory), strict=True):
            if now is not None and now != before:
                self._spool.add(_Series(key, name, field), f"{now} {at_s:.6f}\n")
        self._last[key] = memory


def _nothing_of(memory: Memory) -> Memory:
    """Return the memory of a process that has ended: 0 for each size that was known of it."""
    known = (None if size is None else 0 for size in _all_sizes_of(memory))
    return Memory(*known)
