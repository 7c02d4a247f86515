"""A chart as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from memstat.charts.bands import Band, bands_of, natural
from memstat.charts.chart import Chart, Overlay
from memstat.charts.colours import DARK, LIGHT
from memstat.charts.converter import converter
from memstat.charts.specification import Canvas, Json, overlaid, specification

_WIDTH: Final = 900
_HEIGHT: Final = 420
_SCALE: Final = 2
"""Pixels of a PNG for each of the chart: sharp on any screen, and in print."""


def picture(charts: Chart | Overlay, kind: str, *, dark: bool = False) -> bytes:
    """Return a file of a kind: ``svg``, ``png`` or ``pdf``.

    Raises ReportError where vl-convert is not installed.
    """
    return _WRITERS[kind](picture_specification(charts, dark=dark))


def picture_specification(charts: Chart | Overlay, *, dark: bool = False) -> Json:
    """Return what a picture is drawn from."""
    canvas = Canvas(_WIDTH, _HEIGHT, DARK if dark else LIGHT)
    if isinstance(charts, Overlay):
        return overlaid(charts, canvas)
    return specification(charts, picture_bands(charts), canvas)


def picture_bands(chart: Chart) -> list[Band]:
    """Return what a picture stacks."""
    return bands_of(chart.course, natural(chart.course, chart.sources), chart.sources)


def _svg(spec: Json) -> bytes:
    text: str = converter().vegalite_to_svg(spec)
    return text.encode()


def _png(spec: Json) -> bytes:
    data: bytes = converter().vegalite_to_png(spec, scale=_SCALE)
    return data


def _pdf(spec: Json) -> bytes:
    data: bytes = converter().vegalite_to_pdf(spec)
    return data


_WRITERS: Final[Mapping[str, Callable[[Json], bytes]]] = {"svg": _svg, "png": _png, "pdf": _pdf}
KINDS: Final[Sequence[str]] = [*_WRITERS]
