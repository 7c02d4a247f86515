"""Which bands a chart has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memstat.charts.bands import MOST, By, bands_of, natural, ranked
from memstat.charts.colours import DARK, LIGHT, REST, palette
from tests.charts.made import course, snapshots

TREES = st.lists(
    st.dictionaries(st.integers(1, 50), st.integers(0, 99), min_size=1), min_size=1, max_size=6
)


@given(TREES, st.sampled_from([By.PROCESS, By.PROGRAM]))
def test_at_most_thirty_bands_add_up_to_the_total(trees: list[dict[int, int]], by: By) -> None:
    made = course(snapshots(trees, names={pid: f"p{'q' * (pid % 40)}" for pid in range(51)}))
    bands = bands_of(made, by, [""])
    assert 0 < len(bands) <= MOST
    assert [sum(column) for column in zip(*(band.sizes for band in bands), strict=True)] == [
        frame.pss_bytes for frame in made.frames
    ]


def test_the_rest_is_one_band_with_its_count() -> None:
    made = course(snapshots([dict.fromkeys(range(1, 41), 5)]))
    *bands, rest = bands_of(made, By.PROCESS, [""])
    assert len(bands) == MOST - 1
    assert (rest.label, rest.colour, [*rest.sizes]) == ("11 others", REST, [55])


def test_what_is_never_a_pixel_high_has_no_band_of_its_own() -> None:
    made = course(snapshots([{1: 399, 2: 1}, {1: 300, 2: 1, 3: 1}, {1: 100}]))
    labels = [(band.label, [*band.sizes]) for band in bands_of(made, By.PROCESS, [""])]
    assert labels == [("p1 [1]", [399, 300, 100]), ("p2 [2]", [1, 1, 0]), ("p3 [3]", [0, 1, 0])]
    larger = course(snapshots([{1: 999, 2: 1}, {1: 300, 2: 1, 3: 1}, {1: 100}]))
    assert [band.label for band in bands_of(larger, By.PROCESS, [""])] == ["p1 [1]", "2 others"]


def test_what_was_large_before_the_peak_has_a_band_too() -> None:
    made = course(snapshots([{1: 1, 2: 70}, {1: 50, 3: 30, 4: 20, 5: 10}]))
    assert [group.first.pid for group in ranked(made, By.PROCESS)] == [1, 2, 3, 4, 5]


def test_programs_are_side_by_side_in_shades_of_one_hue() -> None:
    names = {1: "make", 2: "cc1", 3: "ld", 4: "cc1"}
    bands = bands_of(course(snapshots([{1: 1, 2: 9, 3: 5, 4: 7}], names=names)), By.PROCESS, [""])
    assert [band.label for band in bands] == ["cc1 [2]", "cc1 [4]", "ld [3]", "make [1]"]
    (first, second, *_), (third, *_), (fourth, *_), *_ = palette()
    assert [band.colour for band in bands] == [first, second, third, fourth]


def test_names_that_differ_by_a_number_are_one_program() -> None:
    taken = snapshots([{1: 1, 2: 9, 3: 5}], names={1: "worker-1", 2: "worker-2", 3: "\x1b[2J"})
    labels = [band.label for band in bands_of(course(taken), By.PROGRAM, [""])]
    assert labels == ["worker-* x 2", "\\x1b[2J"]


def test_where_most_would_be_the_rest_there_is_a_band_for_each_program() -> None:
    few, many = course(snapshots([{1: 5}])), course(snapshots([dict.fromkeys(range(1, 99), 5)]))
    assert [natural(few, [""]), natural(many, [""])] == [By.PROCESS, By.PROGRAM]
    one_by_one = course(snapshots([{1: 9}, *({pid: 8} for pid in range(2, 99))]))
    assert natural(one_by_one, [""]) is By.PROGRAM
    assert natural(few, ["node1", "node2"]) is By.RECORDING


def test_every_colour_stands_out_from_both_backgrounds() -> None:
    for background in (LIGHT.background, DARK.background):
        for colour in (REST, *(shade for shades in palette() for shade in shades)):
            assert contrast(colour, background) > 1.2, (colour, background)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG has it, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(part * c for part, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
