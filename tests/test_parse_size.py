"""Sizes as people write them."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat import MemstatError, SizeError, format_size, parse_size

SIZES = [
    ("0", 0),
    ("4096", 4096),
    ("4096 B", 4096),
    ("512M", 512 << 20),
    ("512m", 512 << 20),
    ("512Mi", 512 << 20),
    ("512MiB", 512 << 20),
    ("2G", 2 << 30),
    ("1.5 GiB", 3 << 29),
    ("200 MB", 200_000_000),
    ("200mb", 200_000_000),
    ("1 kB", 1000),
    ("1k", 1024),
    ("  7  T\n", 7 << 40),
    ("1.0000000000000000001 EB", 10**18),
    ("16777216.5 TiB", (1 << 64) + (1 << 39)),
    ("0.3 KiB", 307),
]

NONSENSE = [
    "",
    " ",
    "B",
    "-1",
    "-200 MB",
    "+1",
    "nan",
    "inf",
    "?",
    "1e3",
    "0x10",
    "1_000",
    "1,5 GiB",
    "1.5",
    ".5 G",
    "1 000",
    "5 XB",
    "5 MiBs",
    "5 Mbit",
    "1.2.3 M",
    "٣ MB",
    "9" * 5000,
]


@pytest.mark.parametrize(("text", "expected"), SIZES)
def test_a_size_is_read_as_it_is_meant(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_an_error_that_says_what_is_accepted(text: str) -> None:
    with pytest.raises(SizeError, match=r"is not a size: .*4096, 512M, 1\.5 GiB.*200 MB") as caught:
        parse_size(text)
    assert isinstance(caught.value, (MemstatError, ValueError))
    assert len(str(caught.value)) < 250
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@given(st.integers(min_value=0, max_value=(1 << 64) - 1))
def test_a_whole_number_stays_as_it_is(size_bytes: int) -> None:
    assert parse_size(str(size_bytes)) == size_bytes


@given(st.integers(min_value=0, max_value=(1 << 64) - 1))
def test_a_formatted_size_is_read_back_within_its_digits(size_bytes: int) -> None:
    # Three significant digits at least: half a unit of the third is 0.5 %.
    assert abs(parse_size(format_size(size_bytes)) - size_bytes) <= 0.005 * size_bytes + 0.5


@given(st.text(max_size=30))
def test_any_text_is_a_size_or_an_error(text: str) -> None:
    try:
        assert parse_size(text) >= 0
    except SizeError:
        assert text.strip() not in ("0", "1M")
