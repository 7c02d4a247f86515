"""The rows of a table before they are text: single processes, and sums of several. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache
from itertools import zip_longest
from typing import Final, NamedTuple

from memstat.model import Memory, ReadStatus
from memstat.report.board import ProcessRow, unread_among
from memstat.report.estimates import is_outdated
from memstat.sampling.sums import add_up
from memstat.text import plural


class State(Enum):
    """What a row says of its processes in place of a size."""

    MEASURED = auto()
    DENIED = auto()
    FAILED = auto()
    NO_MEMORY = auto()
    ENDED = auto()


_NAMES: Final = 2048
"""Of how many names the kind is kept: of all of them it is asked for at each frame."""

_STATES: Final[Mapping[ReadStatus, State]] = {
    ReadStatus.MEASURED: State.MEASURED,
    ReadStatus.DENIED: State.DENIED,
    ReadStatus.UNREADABLE: State.FAILED,
    ReadStatus.NO_MEMORY: State.NO_MEMORY,
    ReadStatus.GONE: State.ENDED,
}


class Entry(NamedTuple):
    """A row."""

    name: str
    """Not safe to print."""
    state: State
    memory: Memory
    pid: int | None = None
    """``None`` where it is about several."""
    command_line: str = ""
    """Not safe to print either; empty when unknown."""
    depth: int = 0
    """How far it is indented."""
    has_gap: bool = False
    """Whether processes between it and the row that it is below are left out."""
    members: int = 1
    """Of how many processes it is the sum."""
    is_rest: bool = False
    """Whether it sums up what the other rows leave out."""
    is_partial: bool = False
    """Whether some of those that it sums up could not be read."""
    peak_bytes: int | None = None
    peak_bounds: tuple[int, int] | None = None
    trend: Sequence[int] = ()
    growth_bytes: int | None = None
    is_outdated: bool = False
    """Whether what only a walk shows is of another time than its PSS."""

    @property
    def is_sum(self) -> bool:
        """Whether it is about more than one process, or may be."""
        return self.is_rest or self.members > 1


def entry_of(row: ProcessRow, *, depth: int = 0, has_gap: bool = False) -> Entry:
    """Return the row of one process that is alive."""
    sample = row.sample
    return Entry(
        name=sample.name,
        state=_STATES[sample.status],
        memory=sample.memory,
        pid=sample.key.pid,
        command_line=sample.command_line or "",
        depth=depth,
        has_gap=has_gap,
        peak_bytes=row.peak_bytes,
        peak_bounds=row.peak_bounds,
        trend=row.trend,
        growth_bytes=row.growth_bytes,
        is_outdated=is_outdated(sample),
    )


def by_program(rows: Iterable[ProcessRow]) -> dict[str, list[ProcessRow]]:
    """Return the processes of each program, in the order in which programs come first.

    Names that differ by a number at their end alone are one program: ``worker-*``.
    """
    kinds: dict[str, list[ProcessRow]] = {}
    for row in rows:
        kinds.setdefault(kind_of(row.sample.name), []).append(row)
    return {_title(kind, members): members for kind, members in kinds.items()}


@lru_cache(_NAMES)
def kind_of(name: str) -> str:
    """Return a name without the number at its end.

    >>> kind_of("worker-12"), kind_of("42")
    ('worker-', '42')
    """
    return name.rstrip("0123456789") or name


def _title(kind: str, members: Sequence[ProcessRow]) -> str:
    name = members[0].sample.name
    names = [row.sample.name for row in members]
    return name if names.count(name) == len(names) else f"{kind}*"


def sum_of(name: str, rows: Sequence[ProcessRow], *, is_rest: bool = False) -> Entry:
    """Return the sum of processes that are alive."""
    if len(rows) == 1 and not is_rest:
        return entry_of(rows[0])
    # The RSS of those that may not be read would be a part of the upper bound.
    readable = [row.sample for row in rows if row.sample.status is not ReadStatus.DENIED]
    memory = add_up(readable)
    growths = [row.growth_bytes for row in rows if row.growth_bytes is not None]
    return Entry(
        name=name,
        state=State.MEASURED if memory.pss_bytes is not None else _state_of_all(rows),
        memory=memory,
        members=len(rows),
        is_rest=is_rest,
        is_partial=unread_among([row.sample.status for row in rows]) > 0,
        trend=() if is_rest else _sum_of_trends(rows),
        growth_bytes=sum(growths) if growths else None,
        is_outdated=any(map(is_outdated, readable)),
    )


def _state_of_all(rows: Sequence[ProcessRow]) -> State:
    """Return the state of processes of which none is measured: the worst of them."""
    states = {_STATES[row.sample.status] for row in rows}
    worst = (State.DENIED, State.FAILED, State.NO_MEMORY)
    return next((state for state in worst if state in states), State.NO_MEMORY)


def _sum_of_trends(rows: Iterable[ProcessRow]) -> Sequence[int]:
    """Return the sums of what was at the same time: the ends of trends are all now."""
    backwards = zip_longest(*(reversed(row.trend) for row in rows), fillvalue=0)
    return [sum(point) for point in backwards][::-1]


def ended_entries(ended: Sequence[ProcessRow], room: int) -> list[Entry]:
    """Return rows of processes that have ended: one for each name, the largest peaks first."""
    if room <= 0:
        return []
    programs = by_program(ended)
    entries = [_ended(name, rows) for name, rows in programs.items()]
    entries.sort(key=lambda entry: (-(entry.peak_bytes or 0), entry.name))
    if len(entries) <= room:
        return entries
    others = [row for entry in entries[room - 1 :] for row in programs[entry.name]]
    more = plural(len(others), "other", "others")
    return [*entries[: room - 1], _ended(more, others)._replace(is_rest=True, members=1, pid=None)]


def _ended(name: str, rows: Sequence[ProcessRow]) -> Entry:
    """Return a row with the largest peak that one of them had."""
    largest = max(rows, key=lambda row: row.peak_bytes or -1)
    return Entry(
        name=name,
        state=State.ENDED,
        memory=Memory(),
        pid=largest.sample.key.pid if len(rows) == 1 else None,
        command_line=(largest.sample.command_line or "") if len(rows) == 1 else "",
        members=len(rows),
        peak_bytes=largest.peak_bytes,
        peak_bounds=largest.peak_bounds,
    )
