"""A chart as a page: one file that needs no other, and requests nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from html import escape
from importlib import resources
from string import Template
from typing import Final

from memstat.charts.axes import unit_for
from memstat.charts.chart import Chart, Overlay
from memstat.charts.colours import DARK, LIGHT, REST, Theme, palette, shade
from memstat.charts.course import halved
from memstat.charts.library import vega
from memstat.charts.mapping_section import mapping_section
from memstat.charts.payload import payload
from memstat.charts.specification import (
    Canvas,
    Json,
    near_limits,
    overlaid,
    specification,
)

MOST_BYTES: Final = 2_000_000
_BESIDE_BYTES: Final = 550_000
"""What a page has besides its instants: most of it is Vega."""
_FEWEST_INSTANTS: Final = 50
_WIDTH: Final = 1200
_HEIGHT: Final = 420
_MARGIN: Final = 76
"""Beside the chart, for the sizes of its axis."""
_KINDS: Final = (
    ("anonymous", shade(0, 0)),
    ("file", shade(1, 0)),
    ("shared", shade(2, 0)),
    ("unknown", REST),
)


def page(charts: Chart | Overlay, *, footer: str, library: Callable[[], str] = vega) -> bytes:
    """Return a page of HTML with the chart and the tree at each of its instants.

    It has as many instants as it can have within 2 MB. ``library`` returns Vega's script. Raises
    ReportError where vl-convert is not installed.
    """
    # First, so that what it takes is free again before Vega takes its own.
    packed = _packed_payloads(charts)
    while len(packed) > MOST_BYTES - _BESIDE_BYTES and _instants(charts) > _FEWEST_INSTANTS:
        charts = _halved(charts)
        packed = _packed_payloads(charts)
    return _filled(charts, packed, footer, library()).encode()


def _packed_payloads(charts: Chart | Overlay) -> str:
    text = json.dumps([payload(chart) for chart in _members(charts)], separators=(",", ":"))
    return _packed(text)


def _members(charts: Chart | Overlay) -> Sequence[Chart]:
    return charts.charts if isinstance(charts, Overlay) else [charts]


def _filled(charts: Chart | Overlay, packed: str, footer: str, library: str) -> str:
    heading = charts.heading
    view = json.dumps(_view(charts), separators=(",", ":"))
    style, script = _text("page.css"), _text("data.js") + _text("page.js")
    facts = "\n".join(f"<p>{escape(fact)}</p>" for fact in heading.facts)
    remarks = "\n".join(f'<p class="remark">{escape(remark)}</p>' for remark in heading.remarks)
    return Template(_text("page.html")).substitute(
        policy=_policy(style, [library, script]),
        title=escape(heading.title),
        facts=facts,
        remarks=remarks,
        mappings=_mapping_sections(charts),
        footer=escape(footer),
        style=style,
        script=script,
        library=_packed(library),
        view=_packed(view),
        charts=packed,
    )


def _mapping_sections(charts: Chart | Overlay) -> str:
    has_titles = isinstance(charts, Overlay)
    return "\n".join(
        mapping_section(chart.mappings, chart.heading.title if has_titles else "")
        for chart in _members(charts)
        if chart.mappings is not None
    )


def _policy(style: str, scripts: Sequence[str]) -> str:
    """Return what a browser lets the page do: nothing but to run these, no requests.

    Vega interprets its expressions: to compile them would need ``unsafe-eval``.
    """
    hashes = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)};"
        " base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _text(name: str) -> str:
    return resources.files("memstat.charts").joinpath(name).read_text("utf-8")


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _view(charts: Chart | Overlay) -> Json:
    """Return what a page needs to draw its charts."""
    members = _members(charts)
    most = max(chart.course.peak.pss_bytes for chart in members)
    return {
        "overlay": isinstance(charts, Overlay),
        "unit": unit_for(most).size_bytes,
        "tops": [limit.size_bytes for chart in members for limit in near_limits(chart)],
        "margin": _MARGIN,
        "palette": palette(),
        "kinds": _KINDS,
        "rest": REST,
        "light": _specification(charts, LIGHT),
        "dark": _specification(charts, DARK),
    }


def _specification(charts: Chart | Overlay, theme: Theme) -> Json:
    """Return the specification, of which the script of the page fills in bands and rows."""
    canvas = Canvas(_WIDTH, _HEIGHT, theme, is_page=True)
    if isinstance(charts, Overlay):
        spec = overlaid(charts, canvas)
    else:
        spec = specification(charts, [], canvas)
    spec["datasets"]["course"] = []
    return spec


def _halved(charts: Chart | Overlay) -> Chart | Overlay:
    if isinstance(charts, Overlay):
        return charts._replace(charts=[_halved_one(chart) for chart in charts.charts])
    return _halved_one(charts)


def _halved_one(chart: Chart) -> Chart:
    return chart._replace(course=halved(chart.course))


def _instants(charts: Chart | Overlay) -> int:
    return sum(len(chart.course.frames) for chart in _members(charts))
