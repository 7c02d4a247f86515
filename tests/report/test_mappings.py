"""What the memory of a tree consists of, as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from memstat.mappings import MappingGroup, MappingKind, Mappings
from memstat.mappings_json import mappings_from, mappings_object
from memstat.model import DenialReason, Memory, ProcessKey, ProcessSample, ReadStatus
from memstat.report.formats import Bytes, Json, Plain, Readable
from memstat.report.mappings import (
    mapping_rows,
    mappings_block,
    mappings_notes,
    mappings_text,
)
from tests.cli import json_fields

MIB = 1 << 20


def group(
    kind: MappingKind,
    name: str,
    pss_mib: float,
    *,
    swap_mib: float | None = 0,
    huge_mib: float | None = 0,
    processes: int = 1,
) -> MappingGroup:
    """Return a group of which half is its own, in twice as many mappings as processes."""
    pss, swap, huge = (
        None if mib is None else int(mib * MIB) for mib in (pss_mib, swap_mib, huge_mib)
    )
    assert pss is not None
    return MappingGroup(kind, name, pss, pss // 2, pss * 2, swap, huge, processes, 2 * processes)


def of(*groups: MappingGroup) -> Mappings:
    return Mappings(groups, unix_time_s=1_700_000_000.25, processes=9, read_s=0.0625)


LIBRARY = "/usr/lib/x86_64-linux-gnu/python3.11/lib-dynload/_ctypes.cpython-311.so"
MIXED = of(
    group(MappingKind.ANONYMOUS, "", 120, processes=9),
    group(MappingKind.SHARED_MEMORY, "memfd:pool", 64, processes=4),
    group(MappingKind.FILE, LIBRARY, 12.5, processes=9),
    group(MappingKind.HEAP, "", 4),
    group(MappingKind.STACK, "", 0.25),
    group(MappingKind.KERNEL, "[vdso]", 0),
)


def test_at_80_columns() -> None:
    assert mappings_text(MIXED, 80).splitlines() == [
        "PSS MiB   USS   RSS PROCS MAPS  WHAT",
        "  120.0  60.0 240.0     9   18  anonymous",
        "   64.0  32.0 128.0     4    8  shared: memfd:pool",
        "   12.5   6.2  25.0     9   18  .../lib-dynload/_ctypes.cpython-311.so",
        "    4.0   2.0   8.0     1    2  heap",
        "    0.2   0.1   0.5     1    2  stacks",
        "    0.0   0.0   0.0     1    2  [vdso]",
        "  200.8 100.4 401.5     9   50  total",
    ]


def test_at_40_columns_there_are_fewer() -> None:
    assert mappings_text(MIXED, 40).splitlines() == [
        "PSS MiB PROCS  WHAT",
        "  120.0     9  anonymous",
        "   64.0     4  shared: memfd:pool",
        "   12.5     9  ..._ctypes.cpython-311.so",
        "    4.0     1  heap",
        "    0.2     1  stacks",
        "    0.0     1  [vdso]",
        "  200.8     9  total",
    ]


def test_at_200_columns_and_without_a_limit_names_are_whole() -> None:
    assert mappings_text(MIXED, 200) == mappings_text(MIXED)
    assert f"   12.5   6.2  25.0     9   18  {LIBRARY}\n" in mappings_text(MIXED)


@given(
    st.lists(st.tuples(st.text(max_size=50), st.integers(0, 1 << 50)), min_size=1, max_size=30),
    st.integers(35, 120),
)
def test_no_line_is_wider_than_the_terminal(groups: list[tuple[str, int]], width: int) -> None:
    files = (MappingGroup(MappingKind.FILE, name, size, size, size) for name, size in groups)
    assert max(map(cell_len, mappings_text(of(*files), width).splitlines())) <= width


def test_what_is_small_is_one_row_with_its_count() -> None:
    files = [group(MappingKind.FILE, f"/lib/{at}", 100 - at) for at in range(50)]
    small = [group(MappingKind.FILE, f"/lib/small{at}", 0.5) for at in range(30)]
    rows = mapping_rows(of(*files, *small))
    assert [row.what for row in rows[-3:]] == ["/lib/49", "30 others", "total"]
    assert rows[-2].memory.pss_bytes == 15 * MIB
    assert (rows[-2].processes, rows[-2].mappings) == (None, 60)
    assert len(mapping_rows(of(*files, *small), verbose=True)) == 81


def test_ten_are_shown_however_small_and_one_other_stays_itself() -> None:
    large = group(MappingKind.HEAP, "", 1000)
    small = [group(MappingKind.FILE, f"/lib/{at}", 1) for at in range(11)]
    assert [row.what for row in mapping_rows(of(large, *small))][-3:] == [
        "/lib/8",
        "2 others",
        "total",
    ]
    assert [row.what for row in mapping_rows(of(large, *small[:-1]))][-3:] == [
        "/lib/8",
        "/lib/9",
        "total",
    ]


def test_swap_and_huge_pages_have_a_column_where_there_are_any_and_make_a_group_large() -> None:
    small = [group(MappingKind.FILE, f"/lib/{at}", 1) for at in range(20)]
    swapped = group(MappingKind.ANONYMOUS, "arena", 0, swap_mib=500)
    huge = group(MappingKind.HUGE_PAGES, "", 0, huge_mib=500)
    lines = mappings_text(of(*small, swapped, huge)).splitlines()
    assert lines[0] == "PSS MiB  USS  RSS  SWAP  HUGE PROCS MAPS  WHAT"
    assert lines[11:] == [
        "    0.0  0.0  0.0 500.0   0.0     1    2  anonymous: arena",
        "    0.0  0.0  0.0   0.0 500.0     1    2  huge pages",
        "   10.0  5.0 20.0   0.0   0.0     -   20  10 others",
        "   20.0 10.0 40.0 500.0 500.0     9   44  total",
    ]


def test_for_a_pipe_all_columns_are_there_in_kb() -> None:
    heap = group(MappingKind.HEAP, "", 4, swap_mib=None)
    assert mappings_block(of(heap), verbose=False, in_bytes=False).splitlines() == [
        "PSS kB  USS  RSS SWAP HUGE PROCS MAPS  WHAT",
        "  4096 2048 8192    -    0     1    2  heap",
        "  4096 2048 8192    -    0     9    2  total",
    ]


def test_bytes_are_bare_numbers() -> None:
    heap = group(MappingKind.HEAP, "", 4)
    assert mappings_block(of(heap), verbose=False, in_bytes=True).splitlines() == [
        "4194304 2097152 8388608 0 0 1 2  heap",
        "4194304 2097152 8388608 0 0 9 2  total",
    ]


def test_names_are_printable() -> None:
    hostile = group(MappingKind.FILE, "/a\n\x1b[31m\u202e", 1)
    for text in (
        mappings_text(of(hostile), 40),
        mappings_block(of(hostile), verbose=True, in_bytes=False),
    ):
        assert "/a\\n\\x1b[31m\\u202e" in text


def test_each_format_has_its_own_form() -> None:
    assert Plain().mappings(MIXED) == mappings_block(MIXED, verbose=False, in_bytes=False)
    assert Bytes().mappings(MIXED) == mappings_block(MIXED, verbose=False, in_bytes=True)
    assert Readable().within(40).mappings(MIXED) == mappings_text(MIXED, 40)
    assert json.loads(Json().mappings(MIXED)) == mappings_object(MIXED)


def sample(status: ReadStatus, reason: str | None = None) -> ProcessSample:
    return ProcessSample(ProcessKey(7, 1), "a\n", 1, 0, status, Memory(), reason=reason)


PARTIAL = replace(
    MIXED,
    complete=False,
    torn=True,
    unread=(
        sample(ReadStatus.DENIED, DenialReason.OTHER_USER),
        sample(ReadStatus.UNREADABLE, "a mishap"),
        sample(ReadStatus.GONE),
    ),
    missing_reason="some are hidden",
)


def test_what_is_missing_is_said() -> None:
    denied, unreadable, missing, gone, torn = mappings_notes(PARTIAL)
    assert denied.startswith("the total is partial: 1 process could not be read; run memstat as")
    assert unreadable == "the total is partial: reading process 7 (a\\n) failed: a mishap"
    assert missing == "the total is partial: some are hidden"
    assert gone == "the total is partial: 1 process ended while being measured"
    assert torn.startswith("the total is uncertain: ")
    assert mappings_notes(MIXED) == []


@pytest.mark.parametrize("mappings", [MIXED, PARTIAL, Mappings((), 0.0)])
def test_json_has_all_that_there_is(mappings: Mappings) -> None:
    value = json.loads(json.dumps(mappings_object(mappings)))
    json_fields.assert_mappings(value)
    assert mappings_from(value) == mappings


@pytest.mark.parametrize("field", ["groups", "time", "unread"])
def test_anything_else_is_no_mappings(field: str) -> None:
    value = {**mappings_object(MIXED), field: [{}]}
    with pytest.raises(ValueError, match="not the mappings of a tree"):
        mappings_from(value)
