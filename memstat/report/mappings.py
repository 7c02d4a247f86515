"""What the memory of a tree consists of, as a table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from memstat.mappings import MappingGroup, MappingKind, Mappings, sizes_of
from memstat.model import Memory
from memstat.report.notes import ended, lacks
from memstat.report.scale import scale_for
from memstat.text import printable
from memstat.units import KIB, format_elapsed, format_size

_SMALL_PART: Final = 100
"""Groups that are less than a hundredth of all are summed up."""
_FIRST: Final = 10
"""So many are shown in any case."""
_BEFORE_WHAT: Final = "  "
_LEAST_WHAT_WIDTH: Final = 20
_CUT: Final = "..."
_UNKNOWN: Final = "-"
_TORN: Final = "the total is uncertain: processes started or ended while others were read"
_LABELS: Final = {
    MappingKind.HEAP: ("heap", ""),
    MappingKind.STACK: ("stacks", ""),
    MappingKind.ANONYMOUS: ("anonymous", "anonymous: "),
    MappingKind.SHARED_MEMORY: ("shared memory", "shared: "),
    MappingKind.HUGE_PAGES: ("huge pages", "huge pages: "),
}
"""What a group of a kind is called without a name, and what is before its name."""

SizeText = Callable[[int | None], str]


class Row(NamedTuple):
    """One group, or several that are summed up."""

    what: str
    memory: Memory
    processes: int | None
    mappings: int


class _Column(NamedTuple):
    title: str
    cell: Callable[[Row, SizeText], str]


_PSS: Final = _Column("PSS", lambda row, text: text(row.memory.pss_bytes))
_USS: Final = _Column("USS", lambda row, text: text(row.memory.uss_bytes))
_RSS: Final = _Column("RSS", lambda row, text: text(row.memory.rss_bytes))
_SWAP: Final = _Column("SWAP", lambda row, text: text(row.memory.swap_pss_bytes))
_HUGE: Final = _Column("HUGE", lambda row, text: text(row.memory.hugetlb_bytes))
_PROCESSES: Final = _Column("PROCS", lambda row, _: _count(row.processes))
_MAPPINGS: Final = _Column("MAPS", lambda row, _: _count(row.mappings))
_ALL: Final = (_PSS, _USS, _RSS, _SWAP, _HUGE, _PROCESSES, _MAPPINGS)
_DROPPED_FIRST_TO_LAST: Final = (_MAPPINGS, _RSS, _USS, _PROCESSES, _HUGE, _SWAP)


def mappings_text(mappings: Mappings, width: int | None = None, *, verbose: bool = False) -> str:
    """Return a table for people, of which no line is wider than ``width``, in one unit.

    Ten groups are shown, and what is at least 1 % of all; the others are summed up in one row, but
    for ``verbose``. Where there is no room, columns are left out, and names lose their beginning.

    >>> heap = MappingGroup(MappingKind.HEAP, "", 6 << 20, 6 << 20, 7 << 20)
    >>> print(mappings_text(Mappings((heap,), unix_time_s=0.0, processes=1), width=40))
    PSS MiB USS PROCS  WHAT
        6.0 6.0     1  heap
        6.0 6.0     1  total
    """
    rows = mapping_rows(mappings, verbose=verbose)
    scale = scale_for(mappings.total.pss_bytes or 0)
    columns = [column for column in _ALL if column not in _absent(mappings.total)]
    while True:
        numbers = _numbers(columns, rows, scale.text, f"PSS {scale.unit}")
        room = None if width is None else width - len(numbers[0]) - len(_BEFORE_WHAT)
        left = [column for column in _DROPPED_FIRST_TO_LAST if column in columns]
        if room is None or room >= _LEAST_WHAT_WIDTH or not left:
            return _lines(numbers, ["WHAT", *(row.what for row in rows)], room)
        columns.remove(left[0])


def mappings_block(mappings: Mappings, *, verbose: bool, in_bytes: bool) -> str:
    """Return the same for pipes and scripts, with all columns: in kB, or bytes without titles.

    >>> heap = MappingGroup(MappingKind.HEAP, "", 4096, 4096, 8192)
    >>> one = Mappings((heap,), unix_time_s=0.0, processes=1)
    >>> print(mappings_block(one, verbose=False, in_bytes=True))
    4096 4096 8192 - - 1 1  heap
    4096 4096 8192 - - 1 1  total
    """
    rows = mapping_rows(mappings, verbose=verbose)
    if in_bytes:
        return _lines(_numbers(_ALL, rows, _count), [row.what for row in rows])
    return _lines(_numbers(_ALL, rows, _in_kb, "PSS kB"), ["WHAT", *(row.what for row in rows)])


def mapping_cells(mappings: Mappings) -> list[tuple[str, ...]]:
    """Return the table for people as cells, the titles first; names are safe to print.

    >>> heap = MappingGroup(MappingKind.HEAP, "", 6 << 20, 6 << 20, 7 << 20)
    >>> for row in mapping_cells(Mappings((heap,), unix_time_s=0.0, processes=1)):
    ...     print(*row)
    WHAT PSS MiB USS RSS PROCS MAPS
    heap 6.0 6.0 7.0 1 1
    total 6.0 6.0 7.0 1 1
    """
    scale = scale_for(mappings.total.pss_bytes or 0)
    columns = [column for column in _ALL if column not in _absent(mappings.total)]
    titles = (f"PSS {scale.unit}", *(column.title for column in columns[1:]))
    return [
        ("WHAT", *titles),
        *(
            (row.what, *(column.cell(row, scale.text) for column in columns))
            for row in mapping_rows(mappings)
        ),
    ]


def mapping_rows(mappings: Mappings, *, verbose: bool = False) -> list[Row]:
    """Return a row for each group that is not small, one for the others, and one for all."""
    total = mappings.total
    least = 0 if verbose else _amount(total) / _SMALL_PART
    first, others = mappings.groups[:_FIRST], mappings.groups[_FIRST:]
    small = [group for group in others if _amount(sizes_of([group])) < least]
    if len(small) > 1:
        others = tuple(group for group in others if _amount(sizes_of([group])) >= least)
    rows = [
        Row(_what(group), sizes_of([group]), group.processes, group.mappings)
        for group in (*first, *others)
    ]
    if len(small) > 1:
        rows.append(Row(f"{len(small)} others", sizes_of(small), None, _mappings_of(small)))
    return [*rows, Row("total", total, mappings.processes, _mappings_of(mappings.groups))]


def mappings_title(mappings: Mappings) -> str:
    """Return what stands above mappings of a recording: of when they are.

    >>> heap = MappingGroup(MappingKind.HEAP, "", 6 << 20, 6 << 20, 7 << 20)
    >>> mappings_title(Mappings((heap,), unix_time_s=0.0, elapsed_s=2.5, processes=1))
    'Its memory at 2.5 s, when it had 6.00 MiB'
    """
    size = format_size(mappings.total.pss_bytes)
    return f"Its memory at {format_elapsed(mappings.elapsed_s)}, when it had {size}"


def mappings_notes(mappings: Mappings) -> list[str]:
    """Return what they lack and what helps.

    >>> mappings_notes(Mappings((), unix_time_s=0.0))
    []
    """
    lacking = lacks(mappings.unread, mappings.missing_reason)
    notes = [
        *(f"the total is partial: {what}" for _, what in lacking),
        ended(mappings.unread),
        _TORN if mappings.torn else None,
    ]
    return [note for note in notes if note]


def _what(group: MappingGroup) -> str:
    """Return what a group is of, in words that are safe to print."""
    alone, with_name = _LABELS.get(group.kind, ("", ""))
    return f"{with_name}{printable(group.name)}" if group.name else alone


def _amount(memory: Memory) -> int:
    """Return the memory that counts, wherever it is."""
    return sum(
        size or 0 for size in (memory.pss_bytes, memory.swap_pss_bytes, memory.hugetlb_bytes)
    )


def _mappings_of(groups: Sequence[MappingGroup]) -> int:
    return sum(group.mappings for group in groups)


def _absent(total: Memory) -> list[_Column]:
    """Return the columns that would show nothing but zeros."""
    has = {_SWAP: total.swap_pss_bytes, _HUGE: total.hugetlb_bytes}
    return [column for column, size in has.items() if not size]


def _numbers(
    columns: Sequence[_Column], rows: Sequence[Row], text_of: SizeText, title: str = ""
) -> list[str]:
    """Return the numbers of each row, below each other; before them the titles, if there are any.

    ``title`` is that of PSS, with the unit of all sizes.
    """
    titles = [title, *(column.title for column in columns[1:])]
    cells = [titles] if title else []
    cells += [[column.cell(row, text_of) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        " ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
        for line in cells
    ]


def _lines(numbers: Sequence[str], whats: Sequence[str], room: int | None = None) -> str:
    """Return the lines of a table, the last column cut to ``room`` columns."""
    return "\n".join(
        f"{before}{_BEFORE_WHAT}{what if room is None else _end_of(what, room)}"
        for before, what in zip(numbers, whats, strict=True)
    )


def _end_of(text: str, room: int) -> str:
    """Return a text, or as much of its end as has room: of a path, its last parts."""
    if _width(text) <= room:
        return text
    end = text[-room:]
    while _width(end) > room - len(_CUT):
        end = end[1:]
    slash = end.find("/")
    return f"{_CUT}{end[slash:] if 0 < slash < len(end) // 2 else end}"


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - most names need it not

    return cell_len(text)


def _count(number: int | None) -> str:
    return _UNKNOWN if number is None else str(number)


def _in_kb(size_bytes: int | None) -> str:
    return _count(None if size_bytes is None else size_bytes // KIB)
