"""What a process maps: texts of smaps to groups, and real processes with known mappings."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.errors import ParseError
from memstat.mappings import MappingGroup, MappingKind, sizes_of
from memstat.model import DenialReason, ProcessKey, ReadStatus
from memstat.proc import reader
from memstat.proc.files import fetch_pieces
from memstat.proc.linux import LinuxProcSource
from memstat.proc.mappings import parse_mappings
from memstat.proc.parse import parse_smaps
from memstat.proc.platform import kernel_version
from memstat.proc.source import GONE, MappedReading
from tests.targets import AS_NOBODY, MAIN_THREAD_GONE, VARIOUS, Target, needs_nobody, python

KIB = 1024
MIB = 1 << 20
DATA = Path(__file__).parents[1] / "data"
ANONYMOUS, FILE, HEAP = MappingKind.ANONYMOUS, MappingKind.FILE, MappingKind.HEAP
HUGE, KERNEL, SHARED = MappingKind.HUGE_PAGES, MappingKind.KERNEL, MappingKind.SHARED_MEMORY
STACK = MappingKind.STACK

Kib = Mapping[str, int]
ALL = {
    "Rss": 8,
    "Pss": 5,
    "Private_Clean": 1,
    "Private_Dirty": 2,
    "Shared_Hugetlb": 0,
    "Private_Hugetlb": 0,
    "SwapPss": 3,
}


def mapping(
    path: str, kib: Kib = ALL, *, at: str = "7f00-7fff", mode: str = "rw-p", flags: str = "rd wr"
) -> bytes:
    """Return a mapping as the kernel prints it: 8 columns or more for a number."""
    fields = "".join(f"{field + ':':16}{size:8} kB\nOther: 9 kB\n" for field, size in kib.items())
    header = f"{at} {mode} 00000000 00:00 0".ljust(73) + path
    return f"{header}\nSize:  4 kB\n{fields}VmFlags: {flags} \n".encode()


NOTHING = dict.fromkeys(ALL, 0)


def test_a_text_of_linux_3_10_has_neither_swap_nor_huge_pages() -> None:
    assert parse_mappings((DATA / "smaps-linux-3.10.txt").read_bytes()) == [
        MappingGroup(FILE, "/bin/Rss: 9 kB", 100 * KIB, 8 * KIB, 460 * KIB),
        MappingGroup(HEAP, "", 1059 * KIB, 1056 * KIB, 1060 * KIB),
    ]


def test_swap_and_shared_memory_of_system_v() -> None:
    assert parse_mappings((DATA / "smaps-linux-4.9-swapped.txt").read_bytes()) == [
        MappingGroup(ANONYMOUS, "", 16 * KIB, 16 * KIB, 16 * KIB, 32 * KIB, 0),
        MappingGroup(SHARED, "SYSV00000000", 16384 * KIB, 0, 65536 * KIB, 4 * KIB, 0),
    ]


def test_mappings_of_one_kind_and_name_are_one_group_and_empty_ones_are_none() -> None:
    text = (DATA / "smaps-linux-6.18-thp.txt").read_bytes()
    assert parse_mappings(text) == [
        MappingGroup(HEAP, "", 12 * KIB, 12 * KIB, 12 * KIB, 0, 0),
        MappingGroup(SHARED, "", 1536 * KIB, 0, 3072 * KIB, 0, 0),
        MappingGroup(ANONYMOUS, "", 3084 * KIB, 8 * KIB, 6160 * KIB, 0, 0, mappings=3),
        MappingGroup(KERNEL, "[vdso]", 0, 0, 4 * KIB, 0, 0),
        MappingGroup(FILE, "/usr/bin/cap", 574 * KIB, 500 * KIB, 648 * KIB, 0, 0, mappings=5),
        MappingGroup(STACK, "", 8 * KIB, 4 * KIB, 12 * KIB, 0, 0),
    ]


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("", ANONYMOUS, ""),
        ("/dev/zero", ANONYMOUS, ""),
        ("[anon:scudo:primary]", ANONYMOUS, "scudo:primary"),
        ("[anon: glibc: malloc]", ANONYMOUS, "glibc: malloc"),
        ("[anon: glibc: pthread stack: 77]", STACK, ""),
        ("[stack]", STACK, ""),
        ("[stack:1001]", STACK, ""),
        ("[heap]", HEAP, ""),
        ("[vdso]", KERNEL, "[vdso]"),
        ("[anon_shmem:ring]", SHARED, "ring"),
        ("/dev/zero (deleted)", SHARED, ""),
        ("/SYSV0000abcd (deleted)", SHARED, "SYSV0000abcd"),
        ("/memfd:pool (deleted)", SHARED, "memfd:pool"),
        (r"/memfd:a\012[heap] (deleted)", SHARED, "memfd:a\n[heap]"),
        ("/dev/shm/psm_1", SHARED, "/dev/shm/psm_1"),
        ("/dev/shm/sem.x (deleted)", SHARED, "/dev/shm/sem.x (deleted)"),
        ("/usr/lib/a b.so", FILE, "/usr/lib/a b.so"),
        ("/usr/lib/a.so (deleted)", FILE, "/usr/lib/a.so (deleted)"),
        (r"/srv/\012Rss: 1 kB\012[stack]", FILE, "/srv/\nRss: 1 kB\n[stack]"),
        ("/SYSVinit", FILE, "/SYSVinit"),
        ("anon_inode:[perf_event]", FILE, "anon_inode:[perf_event]"),
    ],
)
def test_the_last_column_says_what_a_mapping_is_of(path: str, kind: str, name: str) -> None:
    (group,) = parse_mappings(mapping(path))
    assert (group.kind, group.name) == (kind, name)


def test_a_name_need_not_be_text() -> None:
    (group,) = parse_mappings(mapping("/a-?").replace(b"?", b"\xff\x1b"))
    assert group.name == "/a-\\xff\x1b"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/anon_hugepage (deleted)", ""),
        ("/memfd:big (deleted)", "memfd:big"),
        ("/dev/hugepages/a", "/dev/hugepages/a"),
    ],
)
def test_pages_of_hugetlbfs_are_known_by_a_flag(path: str, name: str) -> None:
    kib = {**NOTHING, "Shared_Hugetlb": 2048, "Private_Hugetlb": 4096}
    (group,) = parse_mappings(mapping(path, kib, flags="rd wr ht"))
    assert group == MappingGroup(HUGE, name, 0, 0, 0, 0, 6144 * KIB)


GUARD = mapping("", NOTHING, at="1000-2000", mode="---p", flags="mr mw")
LARGE_GUARD = GUARD.replace(b"-2000", b"-200000")
OF_STACK = "rd wr mr mw me ac nh"


@pytest.mark.parametrize(
    ("before", "at", "flags", "kind"),
    [
        (GUARD, "2000-9000", OF_STACK, STACK),
        (GUARD, "2000-9000", "rd wr mr mw me ac", ANONYMOUS),
        (GUARD, "3000-9000", OF_STACK, ANONYMOUS),
        (b"", "2000-9000", OF_STACK, ANONYMOUS),
        (LARGE_GUARD, "200000-900000", OF_STACK, ANONYMOUS),
        (GUARD.replace(b"---p", b"rw-p"), "2000-9000", OF_STACK, ANONYMOUS),
    ],
)
def test_the_stack_of_a_thread_is_memory_for_a_stack_above_a_guard(
    before: bytes, at: str, flags: str, kind: str
) -> None:
    (group,) = parse_mappings(before + mapping("", at=at, flags=flags))
    assert group.kind == kind


@pytest.mark.parametrize("field", ["Rss", "Pss", "Private_Clean", "Private_Dirty", "SwapPss"])
def test_a_mapping_that_lacks_a_size_is_an_error(field: str) -> None:
    lacking = mapping("/b", {name: size for name, size in ALL.items() if name != field})
    with pytest.raises(ParseError, match="a size is missing"):
        parse_mappings(mapping("/a") + lacking + mapping("/c"))


def test_the_order_of_the_sizes_is_that_of_the_kernel() -> None:
    backwards = dict(reversed(ALL.items()))
    text = b"".join(mapping(path, backwards) for path in ("/a", "/b"))
    assert parse_mappings(text) == parse_mappings(mapping("/a") + mapping("/b"))


@pytest.mark.parametrize("text", [b"", b"nonsense\n", mapping("/a").replace(b"Pss:", b"Qss:")])
def test_what_is_no_list_of_mappings_is_an_error(text: bytes) -> None:
    with pytest.raises(ParseError):
        parse_mappings(text)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "/lib/a b", "[heap]", "/memfd:x (deleted)"]),
            st.lists(st.integers(0, 1 << 54), min_size=len(ALL), max_size=len(ALL)),
        ),
        min_size=1,
        max_size=9,
    )
)
def test_the_groups_add_up_to_the_process(mappings: list[tuple[str, list[int]]]) -> None:
    text = b"".join(mapping(path, dict(zip(ALL, sizes, strict=True))) for path, sizes in mappings)
    groups, whole = parse_mappings(text), parse_smaps(text)
    assert len({(group.kind, group.name) for group in groups}) == len(groups)
    assert sum(group.mappings for group in groups) == sum(any(sizes) for _, sizes in mappings)
    for field in ("pss_bytes", "uss_bytes", "rss_bytes", "swap_pss_bytes", "hugetlb_bytes"):
        assert (getattr(sizes_of(groups), field) or 0) == getattr(whole, field)


# Real processes


def read(target: Target) -> MappedReading:
    source = LinuxProcSource()
    return source.mappings(source.require(target.pid).key)


def by_name(reading: MappedReading) -> dict[tuple[str, str], MappingGroup]:
    assert reading.reading.status is ReadStatus.MEASURED
    return {(group.kind, group.name): group for group in reading.groups}


def test_memory_of_every_kind(
    start: Callable[..., Target], c_program: Callable[[str], Path], tmp_path: Path
) -> None:
    path = tmp_path / "data\n[heap]"
    target = start(str(c_program(VARIOUS)), str(path), "pool\n\x1b[31m")
    target.line()
    groups = by_name(read(target))
    assert groups[FILE, str(path)] == MappingGroup(FILE, str(path), 4 * MIB, 4 * MIB, 4 * MIB, 0, 0)
    shared = groups[SHARED, "memfd:pool\n\x1b[31m"]
    assert (shared.pss_bytes, shared.uss_bytes, shared.rss_bytes) == (4 * MIB, 0, 8 * MIB)
    assert groups[SHARED, ""].pss_bytes == 5 * MIB
    assert groups[SHARED, "SYSV00000000"].rss_bytes == 6 * MIB
    assert 3 * MIB <= groups[HEAP, ""].rss_bytes < 4 * MIB
    # CONFIG_ANON_VMA_NAME may be off.
    named = groups.get((ANONYMOUS, "arena"), groups[ANONYMOUS, ""])
    assert named.rss_bytes >= 2 * MIB
    stacks = groups[STACK, ""]
    assert (stacks.rss_bytes > MIB) == (stacks.mappings == 2) == (kernel_version() >= (6, 7))


def test_a_process_without_a_main_thread_is_read_through_another(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> None:
    target = start(str(c_program(MAIN_THREAD_GONE)))
    target.line()
    assert by_name(read(target))[ANONYMOUS, ""].rss_bytes >= 30 * MIB


def test_a_recycled_pid_is_another_process(start: Callable[..., Target]) -> None:
    target = start("cat")
    source = LinuxProcSource()
    key = source.require(target.pid).key
    other = ProcessKey(key.pid, key.start_ticks - 1)
    assert source.mappings(other) == MappedReading(GONE)
    assert source.budget.held == 0


def test_a_process_that_has_ended_is_gone_and_a_zombie_has_no_memory() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    source = LinuxProcSource()
    key = source.require(pid).key
    assert source.mappings(key).reading.status is ReadStatus.NO_MEMORY
    os.waitpid(pid, 0)
    assert source.mappings(key) == MappedReading(GONE)


def test_a_text_that_ends_early_because_of_execve_does_not_count(
    start: Callable[..., Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = start("sh", "-c", "echo ready; read line; exec sh -c 'echo again; read line'")
    target.line()
    texts: list[bytes] = []

    def read_in_two(fd: int) -> bytes:
        first = os.pread(fd, 1 << 16, 0)
        if not texts:
            target.send()
            target.line()
        texts.append(fetch_pieces(fd) if texts else first + os.pread(fd, 1 << 16, len(first)))
        return texts[-1]

    monkeypatch.setattr(reader, "fetch_pieces", read_in_two)
    groups = by_name(read(target))
    assert len(texts) == 2
    assert len(texts[0]) < len(texts[1])
    assert b"[stack]" not in texts[0]
    assert groups.keys() >= {(STACK, "")}
    assert sum(group.rss_bytes for group in groups.values()) == parse_smaps(texts[1]).rss_bytes


DENIED = """
import os, sys
from memstat.proc.linux import LinuxProcSource
source = LinuxProcSource()
print(source.mappings(source.require(os.getppid()).key))
"""


@needs_nobody
def test_a_process_of_another_user_is_denied(start: Callable[..., Target]) -> None:
    child = start(*AS_NOBODY, *python(DENIED))
    assert child.process.stdout is not None
    printed = child.process.stdout.read().decode()
    assert re.match(r"MappedReading\(reading=Reading\(status=<ReadStatus.DENIED", printed)
    assert str(DenialReason.OTHER_USER.name) in printed
    assert printed.endswith("groups=())\n")
