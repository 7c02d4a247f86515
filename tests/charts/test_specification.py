"""The specification of a chart, whole: ``python -m tests.charts.test_specification`` writes it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from memstat.charts.axes import placed
from memstat.charts.bands import By, bands_of
from memstat.charts.chart import Heading, Overlay
from memstat.charts.colours import LIGHT
from memstat.charts.specification import Canvas, overlaid, specification
from memstat.model import Snapshot
from tests.charts.made import HOSTILE, MIB, chart, snapshots

STORED = Path(__file__).with_name("specification.json")
CANVAS = Canvas(900, 420, LIGHT)


def taken() -> list[Snapshot]:
    """Return snapshots with a gap, of which the peak has bounds."""
    trees = [{7: MIB}, {7: 4 * MIB, 8: 2 * MIB}, {7: 3 * MIB}]
    first, second, third = snapshots(trees, names={8: HOSTILE})
    total = replace(second.total, pss_low_bytes=5 * MIB, pss_high_bytes=7 * MIB)
    return [first, replace(second, total=total), replace(third, elapsed_s=1.1)]


def made() -> dict[str, Any]:
    one = chart(taken())
    return specification(one, bands_of(one.course, By.PROCESS, [""]), CANVAS)


def test_the_specification_is_as_it_was() -> None:
    assert made() == json.loads(STORED.read_text())


def test_names_are_values_only() -> None:
    text = json.dumps(made())
    assert text.count(HOSTILE) == 3  # The title, a mark and a band.
    assert made()["title"]["text"] == HOSTILE
    assert made()["params"][-1] == {
        "name": "names",
        "value": {"b00": "p7 [7]", "b01": f"{HOSTILE} [8]"},
    }


def test_recordings_that_are_laid_over_each_other_are_lines_from_one_start() -> None:
    charts = [chart(taken()), chart(snapshots([{7: 8 * MIB}, {7: 9 * MIB}]))]
    spec = overlaid(Overlay(Heading("two", [], []), charts), CANVAS)
    assert [(row["t"], row["band"], row["total"]) for row in spec["datasets"]["course"]] == [
        (0.0, "b00", 1.0),
        (100.0, "b00", 6.0),
        (1100.0, "b00", 3.0),
        (1100.0, "b00", 3.0),
        (0.0, "b01", 8.0),
        (100.0, "b01", 9.0),
        (100.0, "b01", 9.0),
    ]
    assert [label["text"] for label in spec["datasets"]["labels"]] == [
        "peak 9.00 MiB",
        "peak 6.00 MiB",
    ]


def test_a_label_is_on_no_other_and_no_line_crosses_its_text() -> None:
    wanted = [(0.5, "peak"), (0.52, "b" * 20), (0.54, "c" * 20), (0.99, "at the end")]
    labels = placed(wanted, start_s=0.0, end_s=1.0, width=900, font=11)
    assert [(label.text[0], label.row, label.align) for label in labels] == [
        ("a", 0, "right"),
        ("c", 0, "left"),
        ("b", 1, "left"),
        ("p", 2, "left"),
    ]


def test_where_labels_find_no_room_the_peak_keeps_its_own() -> None:
    crowd = [(0.5, "peak"), *((0.5 + n / 1000, "x" * 30) for n in range(1, 20))]
    labels = placed(crowd, start_s=0.0, end_s=1.0, width=900, font=11)
    assert "peak" in {label.text for label in labels}
    assert len(labels) < len(crowd)


if __name__ == "__main__":
    STORED.write_text(json.dumps(made(), indent=1) + "\n")
