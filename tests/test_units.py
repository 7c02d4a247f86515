"""Sizes and durations as people read and write them."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat import MemstatError, SizeError
from memstat.units import format_duration, format_elapsed, format_size, parse_size

STEPS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
KIB = 1024


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (None, "?"),
        (0, "0 B"),
        (999, "999 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (10 * KIB - 6, "9.99 KiB"),
        (10 * KIB - 5, "10.0 KiB"),
        (100 * KIB - 52, "99.9 KiB"),
        (100 * KIB - 51, "100 KiB"),
        (999 * KIB, "999 KiB"),
        (1000 * KIB, "0.98 MiB"),
        (KIB**2, "1.00 MiB"),
        (190_000_000, "181 MiB"),
        (3 * KIB**3 // 2, "1.50 GiB"),
        (12 * KIB**4, "12.0 TiB"),
        (5 * KIB**6, "5.00 EiB"),
        (5000 * KIB**6, "5000 EiB"),
    ],
)
def test_sizes_have_three_digits_or_four(size_bytes: int | None, text: str) -> None:
    assert format_size(size_bytes) == text


@given(st.integers(0, 999 * KIB**6))
def test_a_size_is_read_back_to_half_a_percent_and_never_widens(size_bytes: int) -> None:
    text = format_size(size_bytes)
    number, unit = text.split(" ")
    read_back = float(number) * KIB ** STEPS.index(unit)
    assert read_back == pytest.approx(size_bytes, rel=0.0052)
    assert len(text) <= 8


@given(st.integers(0, 1 << 62), st.integers(0, 1 << 62))
def test_a_larger_size_never_reads_smaller(one: int, other: int) -> None:
    small, large = sorted((one, other))
    values = []
    for size_bytes in (small, large):
        number, unit = format_size(size_bytes).split(" ")
        values.append(float(number) * KIB ** STEPS.index(unit))
    assert values[0] <= values[1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 ms"),
        (0.00004, "0.0 ms"),
        (0.0018, "1.8 ms"),
        (0.9994, "999.4 ms"),
        (0.9995, "1.0 s"),
        (4.25, "4.2 s"),
        (59.94, "59.9 s"),
        (59.95, "1:00"),
        (61.0, "1:01"),
        (3599.4, "59:59"),
        (3599.6, "1:00:00"),
        (3725, "1:02:05"),
        (360_000, "100:00:00"),
    ],
)
def test_durations_change_their_unit_with_their_length(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.0 s"), (0.04, "0.0 s"), (59.94, "59.9 s"), (59.95, "1:00"), (3725.4, "1:02:05")],
)
def test_an_instant_is_written_in_seconds_from_the_first(seconds: float, text: str) -> None:
    assert format_elapsed(seconds) == text


@given(st.floats(0, 1e9))
def test_no_duration_is_written_as_60_of_a_unit(seconds: float) -> None:
    for text in (format_duration(seconds), format_elapsed(seconds)):
        assert "60.0" not in text
        assert ":60" not in text
        assert not text.startswith("60:")


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
