"""Bytes of ``/proc`` files to values. Pure: no file is opened here."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from memstat.errors import ParseError
from memstat.model import Identity, Memory
from memstat.text import decode_name
from memstat.units import KIB

# Of "flags" in proc_pid_stat(5): PF_* in the kernel's include/linux/sched.h.
_PF_FORKNOEXEC: Final = 0x40
_PF_KTHREAD: Final = 0x200000


class Status(NamedTuple):
    """The parts of ``proc_pid_status(5)`` that memstat needs."""

    name: str
    state: str
    tgid: int
    """The process that a thread belongs to."""
    ppid: int
    threads: int
    uids: tuple[int, ...]
    """Real, effective, saved and file system user id."""
    rss_bytes: int | None
    """``VmRSS``; ``None`` for a zombie or a kernel thread."""
    rss_peak_bytes: int | None
    """``VmHWM``, likewise."""


def parse_stat(data: bytes) -> Identity:
    """Parse ``/proc/PID/stat``; a name may hold anything, so fields count from the last ``)``.

    Raises ParseError when a field is missing or not a number.

    >>> parse_stat(b"7 (a) b) S 1 " + b"0 " * 17 + b"500 0").start_ticks
    500
    """
    head, closing, tail = data.rpartition(b")")
    pid, opening, name = head.partition(b"(")
    fields = tail.split()
    if not (opening and closing):
        raise ParseError(f"/proc/PID/stat: no name in parentheses: {data[:80]!r}")
    try:
        flags = int(fields[6])
        return Identity(
            pid=int(pid),
            ppid=int(fields[1]),
            start_ticks=int(fields[19]),
            name=decode_name(name),
            state=fields[0].decode("ascii"),
            threads=int(fields[17]),
            has_executed=not flags & _PF_FORKNOEXEC,
            is_kernel_thread=bool(flags & _PF_KTHREAD),
            family=int(fields[25]) if len(fields) > 25 else 0,
        )
    except (ValueError, IndexError) as error:
        raise ParseError(f"/proc/PID/stat: {error}: {data[:80]!r}") from None


def parse_children_usage(data: bytes) -> tuple[bytes, ...]:
    """Return from ``/proc/PID/stat`` what the children used that it has waited for: it only grows.

    Faults and CPU time, in the kernel's text.

    >>> parse_children_usage(b"7 (a) S 1 7 7 0 -1 0 5 11 0 12 1 2 13 14 20")
    (b'11', b'12', b'13', b'14')
    """
    fields = data.rpartition(b")")[2].split(None, 15)
    return (*fields[8:11:2], *fields[13:15])


class Activity(NamedTuple):
    """What changes in ``/proc/PID/stat`` while a process lives, and matters."""

    name: str
    ppid: int
    faults: int
    """Minor and major ones, since it was started."""
    family: int
    """``Identity.family``."""


def parse_activity(data: bytes) -> Activity:
    """Parse no more of ``/proc/PID/stat`` than changes; ``parse_stat`` takes several times as long.

    Raises ParseError as it does.

    >>> parse_activity(b"7 (a) b) S 1 7 7 0 -1 0 5 11 2 0 " + b"0 " * 14 + b"99 0").faults
    7
    """
    head, _, tail = data.rpartition(b")")
    fields = tail.split(None, 26)
    try:
        return Activity(
            decode_name(head.partition(b"(")[2]),
            int(fields[1]),
            int(fields[7]) + int(fields[9]),
            int(fields[25]),
        )
    except (ValueError, IndexError) as error:
        raise ParseError(f"/proc/PID/stat: {error}: {data[:80]!r}") from None


def parse_statm(data: bytes) -> tuple[int, int]:
    r"""Parse ``/proc/PID/statm``: resident pages, and those of files and shared memory among them.

    Raises ParseError when they are missing or not numbers.

    >>> parse_statm(b"2543 1500 900 1 0 600 0\n")
    (1500, 900)
    """
    fields = data.split(None, 3)
    try:
        return int(fields[1]), int(fields[2])
    except (ValueError, IndexError) as error:
        raise ParseError(f"/proc/PID/statm: {error}: {data[:80]!r}") from None


def parse_rss_peak(data: bytes) -> int | None:
    r"""Parse only ``VmHWM`` from ``/proc/PID/status``: bytes, ``None`` where there is none.

    Raises ParseError when it is not a number.

    >>> parse_rss_peak(b"Name:\ta\nVmHWM:\t       8 kB\n")
    8192
    """
    try:
        return _optional_kib(data, b"\nVmHWM:\t")
    except ValueError as error:
        raise ParseError(f"/proc/PID/status: {error}: {data[:80]!r}") from None


def parse_status(data: bytes) -> Status:
    r"""Parse ``/proc/PID/status``. Raises ParseError when a field is missing or not a number.

    >>> text = b"Name:\ta\nState:\tS\nTgid:\t7\nPid:\t7\nPPid:\t1\nUid:\t0\t0\t0\t0\nThreads:\t1\n"
    >>> parse_status(text).ppid
    1
    """
    try:
        return Status(
            name=_unescape_name(_line(data, b"Name:\t", 0)),
            state=_line(data, b"\nState:\t")[:1].decode("ascii"),
            tgid=int(_line(data, b"\nTgid:\t")),
            ppid=int(_line(data, b"\nPPid:\t")),
            threads=int(_line(data, b"\nThreads:\t")),
            uids=tuple(map(int, _line(data, b"\nUid:\t").split())),
            rss_bytes=_optional_kib(data, b"\nVmRSS:\t"),
            rss_peak_bytes=_optional_kib(data, b"\nVmHWM:\t"),
        )
    except ValueError as error:
        raise ParseError(f"/proc/PID/status: {error}: {data[:80]!r}") from None


def _line(data: bytes, label: bytes, start: int = -1) -> bytes:
    at = data.index(label) if start < 0 else start
    begin = at + len(label)
    return data[begin : data.index(b"\n", begin)]


def _optional_kib(data: bytes, label: bytes) -> int | None:
    if label not in data:
        return None
    return int(_line(data, label).removesuffix(b" kB")) * KIB


def _unescape_name(escaped: bytes) -> str:
    # status, unlike stat, writes a newline and a backslash of the name as \n and \\.
    if b"\\" in escaped:
        escaped = re.sub(rb"\\(.)", lambda m: b"\n" if m[1] == b"n" else m[1], escaped)
    return decode_name(escaped)


def parse_rollup(data: bytes) -> Memory:
    r"""Parse ``/proc/PID/smaps_rollup`` (proc_pid_smaps(5)).

    Raises ParseError when Rss, Pss or the private parts are missing or not numbers. The parts of
    PSS, swap and huge pages are ``None`` on kernels that do not report them.

    >>> text = b"0-f ---p 0 00:00 0 [rollup]\nRss: 8 kB\nPss: 5 kB\n"
    >>> parse_rollup(text + b"Private_Clean: 0 kB\nPrivate_Dirty: 4 kB\n").uss_bytes
    4096
    """
    words = data[data.find(b"\n") :].split()
    kib = dict(zip(words[::3], words[1::3], strict=False))
    try:
        return Memory(
            int(kib[b"Pss:"]) * KIB,
            (int(kib[b"Private_Clean:"]) + int(kib[b"Private_Dirty:"])) * KIB,
            int(kib[b"Rss:"]) * KIB,
            int(kib[b"Pss_Anon:"]) * KIB if b"Pss_Anon:" in kib else None,
            int(kib[b"Pss_File:"]) * KIB if b"Pss_File:" in kib else None,
            int(kib[b"Pss_Shmem:"]) * KIB if b"Pss_Shmem:" in kib else None,
            int(kib[b"SwapPss:"]) * KIB if b"SwapPss:" in kib else None,
            (int(kib[b"Private_Hugetlb:"]) + int(kib[b"Shared_Hugetlb:"])) * KIB
            if b"Private_Hugetlb:" in kib
            else None,
            int(kib[b"Shared_Hugetlb:"]) * KIB if b"Shared_Hugetlb:" in kib else None,
        )
    except (ValueError, KeyError) as error:
        raise ParseError(f"/proc/PID/smaps_rollup: {error!r}: {data[:80]!r}") from None


_ANONYMOUS: Final = re.compile(rb"^(Anonymous|AnonHugePages): *(\d{1,20}) kB$", re.MULTILINE)


def parse_anonymous(data: bytes) -> tuple[int, int] | None:
    r"""Parse only ``Anonymous`` and ``AnonHugePages`` from ``smaps_rollup``, in bytes.

    Each page counts whole. ``None`` without the former.

    >>> parse_anonymous(b"0-f ---p 0 00:00 0 [rollup]\nAnonymous:             8 kB\n")
    (8192, 0)
    """
    found = dict(_ANONYMOUS.findall(data))
    if b"Anonymous" not in found:
        return None
    return int(found[b"Anonymous"]) * KIB, int(found.get(b"AnonHugePages", 0)) * KIB


_SMAPS_LINE: Final = (
    rb"^(Rss|Pss|Private_Clean|Private_Dirty|SwapPss|Private_Hugetlb|Shared_Hugetlb)"
    rb": *(\d{1,20}) kB$"
)


def parse_smaps(data: bytes) -> Memory:
    r"""Sum ``/proc/PID/smaps`` over its mappings, for kernels before 4.14.

    The kernel cuts each mapping's PSS to whole kB, so the sum is low by up to 1 kB a mapping.
    A process without mappings has no memory: all zero is never returned for it. Raises ParseError
    when Rss, Pss or the private parts are missing or not numbers.

    >>> text = b"0-f r--p 0 00:00 0\nRss: 8 kB\nPss: 5 kB\n"
    >>> text += b"Private_Clean: 0 kB\nPrivate_Dirty: 4 kB\n"
    >>> parse_smaps(text * 2).pss_bytes
    10240
    """
    kib: dict[bytes, int] = {}
    for field, value in re.findall(_SMAPS_LINE, data, re.MULTILINE):
        kib[field] = kib.get(field, 0) + int(value)
    swap = kib.get(b"SwapPss")
    private, shared = kib.get(b"Private_Hugetlb"), kib.get(b"Shared_Hugetlb")
    try:
        return Memory(
            pss_bytes=kib[b"Pss"] * KIB,
            uss_bytes=(kib[b"Private_Clean"] + kib[b"Private_Dirty"]) * KIB,
            rss_bytes=kib[b"Rss"] * KIB,
            swap_pss_bytes=None if swap is None else swap * KIB,
            hugetlb_bytes=None if private is None else (private + (shared or 0)) * KIB,
            hugetlb_shared_bytes=None if shared is None else shared * KIB,
        )
    except KeyError as error:
        raise ParseError(f"/proc/PID/smaps: no {error}: {data[:80]!r}") from None
