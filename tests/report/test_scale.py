"""Sizes of a table in one unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.report.scale import WIDTH, scale_for

MIB = 1 << 20
GIB = 1 << 30


@pytest.mark.parametrize(
    ("top_bytes", "unit", "texts"),
    [
        (3 * MIB, "KiB", ["3072", "1", "<1", "0"]),
        (4 * MIB, "MiB", ["4.0", "<0.1", "<0.1", "0.0"]),
        (9_998 * MIB, "MiB", ["9998.0", "<0.1", "<0.1", "0.0"]),
        (500 * GIB, "MiB", ["512000", "<1", "<1", "0"]),
        (2_000 * GIB, "GiB", ["2000.0", "<0.1", "<0.1", "0.0"]),
    ],
)
def test_all_sizes_of_a_table_have_the_unit_of_its_largest(
    top_bytes: int, unit: str, texts: list[str]
) -> None:
    scale = scale_for(top_bytes)
    assert scale.unit == unit
    assert [scale.text(size) for size in (top_bytes, 1024, 1, 0)] == texts


@given(st.integers(0, 1 << 46), st.data())
def test_a_size_with_its_mark_has_room(top_bytes: int, data: st.DataObject) -> None:
    scale = scale_for(top_bytes)
    size_bytes = data.draw(st.integers(0, top_bytes))
    assert scale.estimate(size_bytes) == f"~{scale.text(size_bytes)}"
    assert len(scale.estimate(size_bytes)) <= WIDTH


@given(st.integers(0, 1 << 62), st.integers(0, 1 << 62))
def test_no_size_is_too_wide_and_none_reads_as_nothing(top_bytes: int, size_bytes: int) -> None:
    scale = scale_for(top_bytes)
    text = scale.text(size_bytes)
    assert max(map(len, (text, scale.estimate(size_bytes), scale.change(size_bytes)))) <= WIDTH
    assert (text in ("0", "0.0")) == (size_bytes == 0)


@given(st.integers(0, 1 << 50), st.integers(0, 1 << 50))
def test_a_longer_number_is_a_larger_size(one: int, other: int) -> None:
    scale = scale_for(max(one, other))
    one, other = sorted((one, other))
    assert len(scale.text(one).lstrip("<")) <= len(scale.text(other).lstrip("<"))


def test_a_change_has_a_sign_unless_it_cannot_be_seen() -> None:
    scale = scale_for(GIB)
    sizes = (None, 0, 1, -1, MIB // 2, -MIB // 2, 300 * MIB)
    assert [scale.change(size) for size in sizes] == ["", "", "", "", "+0.5", "-0.5", "+300.0"]
