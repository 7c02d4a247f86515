"""Pictures, as files of their kind."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from memstat.charts.picture import picture
from tests.charts.made import HOSTILE, MIB, chart, snapshots

CHART = chart(snapshots([{7: MIB}, {7: 4 * MIB, 8: 2 * MIB}], names={8: HOSTILE}))


def test_an_svg_has_the_bands_and_names_as_text() -> None:
    root = ET.fromstring(picture(CHART, "svg"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {f"{HOSTILE} [8]", "p7 [7]", "peak 6.00 MiB", "limit 8.00 MiB", HOSTILE} <= {*texts}
    assert {"PSS, MiB", "0 s", "0.1 s", "0", "8"} <= {*texts}
    areas = [
        element for element in root.iter() if element.get("aria-roledescription") == "area mark"
    ]
    assert len(areas) == 2


def test_png_and_pdf_are_what_they_are_called() -> None:
    assert picture(CHART, "png", dark=True).startswith(b"\x89PNG\r\n")
    assert picture(CHART, "pdf").startswith(b"%PDF-")
