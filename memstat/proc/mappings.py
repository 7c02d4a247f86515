"""``/proc/PID/smaps`` to the mappings of a process, those of one kind and name as one. Pure.

The text has some 700 bytes a mapping, and a browser has ten thousand mappings: one regular
expression goes through it, and reads no more than is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from memstat.errors import ParseError
from memstat.mappings import MappingGroup, MappingKind
from memstat.text import decode_name
from memstat.units import KIB

_HEADER: Final = rb"^([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \d+ *(.*)\n"
_SKIPPED: Final = rb"(?:.*\n)*?"
_SIZE: Final = rb": *(\d{1,20}) kB\n"
_FLAGS: Final = _SKIPPED + rb"VmFlags: (.*)\n"
_NEEDED: Final = (b"Rss", b"Pss", b"Private_Clean", b"Private_Dirty")
_OPTIONAL: Final = (b"Shared_Hugetlb", b"Private_Hugetlb", b"SwapPss")

_HUGETLB_FLAG: Final = b"ht"
_STACK_FLAG: Final = b"nh"
"""Since Linux 6.7, MAP_STACK of mmap(2) sets it, as MADV_NOHUGEPAGE does."""
_MOST_GUARD_BYTES: Final = 1 << 20

_SHM: Final = "/dev/shm/"  # noqa: S108 - what shm_open(3) maps
_DELETED: Final = " (deleted)"
_NAMED: Final = re.compile(r"\[anon(_shmem)?: ?(.*)\]", re.DOTALL)
_SHARED: Final = re.compile(r"/(memfd:.*|SYSV[0-9a-f]{8} \(deleted\))", re.DOTALL)

_WITHOUT_NAME: Final[Mapping[str, MappingKind]] = {
    "": MappingKind.ANONYMOUS,
    "/dev/zero": MappingKind.ANONYMOUS,
    "/dev/zero (deleted)": MappingKind.SHARED_MEMORY,
    "/anon_hugepage (deleted)": MappingKind.HUGE_PAGES,
    "[heap]": MappingKind.HEAP,
}

Rows = dict[tuple[bytes, MappingKind | None], list[list[bytes]]]
"""The sizes of each mapping, in kB, by the path and the kind that flags show."""


def parse_mappings(data: bytes) -> list[MappingGroup]:
    r"""Parse ``/proc/PID/smaps`` (proc_pid_smaps(5)); mappings that hold no memory are left out.

    Raises ParseError when a mapping lacks a size that others have, or all lack one that every
    kernel reports. Swap and huge pages are ``None`` on kernels that do not report them.

    >>> text = b"0-f rw-p 0 00:00 0   [heap]\nRss: 8 kB\nPss: 5 kB\n"
    >>> (heap,) = parse_mappings(text + b"Private_Clean: 0 kB\nPrivate_Dirty: 4 kB\n")
    >>> heap.kind, heap.pss_bytes, heap.swap_pss_bytes
    (<MappingKind.HEAP: 'heap'>, 5120, None)
    """
    fields, found = _entries(data)
    rows: Rows = {}
    guard_end, nothing = b"", [b"0"] * len(fields)
    for start, end, mode, path, *sizes, flags in found:
        if not path and mode[:3] == b"---":
            guard_end = end if _is_small(start, end) else b""
        if sizes != nothing:
            above_guard = start == guard_end and not path and _STACK_FLAG in flags
            kind = _kind_by_flags(flags, above_guard=above_guard)
            rows.setdefault((path, kind), []).append(sizes)
    return _groups(rows, fields)


def _entries(data: bytes) -> tuple[tuple[bytes, ...], list[tuple[bytes, ...]]]:
    """Return which sizes there are; of each mapping its ends, mode, path, sizes and flags."""
    places = {field: data.find(b"\n%b:" % field) for field in (*_NEEDED, *_OPTIONAL)}
    present = [field for field in places if places[field] >= 0]
    fields = tuple(sorted(present, key=places.__getitem__))
    # A mapping without one of the sizes would be read with those of the next.
    counts = {data.count(b"\n%b:" % field) for field in (*_NEEDED, *fields)}
    found = _entry(fields, b"\nVmFlags:" in data).findall(data) if len(counts) == 1 else []
    if not found or {len(found)} != counts:
        raise ParseError(f"/proc/PID/smaps: a size is missing: {data[:80]!r}")
    return fields, found


@cache
def _entry(fields: tuple[bytes, ...], has_flags: bool) -> re.Pattern[bytes]:  # noqa: FBT001
    """Return what finds a mapping with these fields, in the order in which a kernel has them."""
    sizes = [_SKIPPED + field + _SIZE for field in fields]
    return re.compile(b"".join([_HEADER, *sizes, _FLAGS if has_flags else b"()"]), re.MULTILINE)


def _is_small(start: bytes, end: bytes) -> bool:
    """Whether a mapping without access is no larger than a guard below the stack of a thread."""
    return int(end, 16) - int(start, 16) <= _MOST_GUARD_BYTES


def _kind_by_flags(flags: bytes, *, above_guard: bool) -> MappingKind | None:
    if _HUGETLB_FLAG in flags:
        return MappingKind.HUGE_PAGES
    return MappingKind.STACK if above_guard else None


def _groups(rows: Rows, fields: tuple[bytes, ...]) -> list[MappingGroup]:
    """Return a group for each kind and name: several paths may have the same."""
    named: dict[tuple[MappingKind, str], list[list[bytes]]] = {}
    for (path, by_flags), sizes in rows.items():
        kind, name = _what(path)
        named.setdefault((by_flags or kind, name), []).extend(sizes)
    return [_group(kind, name, fields, sizes) for (kind, name), sizes in named.items()]


def _group(
    kind: MappingKind, name: str, fields: tuple[bytes, ...], rows: list[list[bytes]]
) -> MappingGroup:
    sums = [sum(map(int, column)) for column in zip(*rows, strict=True)]
    kib = dict(zip(fields, sums, strict=True))
    shared, private, swap = (kib.get(field) for field in _OPTIONAL)
    return MappingGroup(
        kind,
        name,
        pss_bytes=kib[b"Pss"] * KIB,
        uss_bytes=(kib[b"Private_Clean"] + kib[b"Private_Dirty"]) * KIB,
        rss_bytes=kib[b"Rss"] * KIB,
        swap_pss_bytes=None if swap is None else swap * KIB,
        hugetlb_bytes=None if private is None else (private + (shared or 0)) * KIB,
        mappings=len(rows),
    )


def _what(path: bytes) -> tuple[MappingKind, str]:
    r"""Return the kind and the name that the last column of a mapping says.

    >>> _what(b""), _what(b"/memfd:a (deleted)")[1], _what(rb"/tmp/a\012b")[1]
    ((<MappingKind.ANONYMOUS: 'anonymous'>, ''), 'memfd:a', '/tmp/a\nb')
    """
    name = decode_name(path.replace(rb"\012", b"\n"))
    if name in _WITHOUT_NAME:
        return _WITHOUT_NAME[name], ""
    if named := _NAMED.fullmatch(name):
        return _named(named[2], is_shared=named[1] is not None)
    if name.startswith("["):
        return (MappingKind.STACK, "") if name.startswith("[stack") else (MappingKind.KERNEL, name)
    if shared := _SHARED.fullmatch(name):
        return MappingKind.SHARED_MEMORY, shared[1].removesuffix(_DELETED)
    is_shared = name.startswith(_SHM)
    return MappingKind.SHARED_MEMORY if is_shared else MappingKind.FILE, name


def _named(name: str, *, is_shared: bool) -> tuple[MappingKind, str]:
    """Return what memory is that a program has given a name (``PR_SET_VMA_ANON_NAME``)."""
    if is_shared:
        return MappingKind.SHARED_MEMORY, name
    # As glibc and bionic call them, with the id of the thread.
    return (MappingKind.STACK, "") if "stack" in name else (MappingKind.ANONYMOUS, name)
