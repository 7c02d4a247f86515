"""The Vega-Lite specification of a chart: a dict, for the pictures and for the page. Pure.

The data are wide rows, one for each instant, which Vega folds itself: a row for each process and
instant would be several times as large. Texts are values, never expressions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from memstat.charts import layers
from memstat.charts.axes import Label, Unit, placed, step_expression, unit_for
from memstat.charts.bands import Band
from memstat.charts.chart import Chart, Heading, Limit, Overlay
from memstat.charts.colours import Theme, shade
from memstat.charts.course import Course
from memstat.charts.frames import Frame
from memstat.charts.layers import name
from memstat.report.estimates import is_wide
from memstat.units import format_size

Json = dict[str, Any]

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
_ROW_HEIGHT: Final = 15
_FAR: Final = 2
"""What is so many times the largest total would leave the chart no height."""


class Canvas(NamedTuple):
    """Where a chart is drawn."""

    width: int
    height: int
    theme: Theme
    is_page: bool = False
    """Whether a page has the heading and the names of the bands beside it."""


def specification(chart: Chart, bands: Sequence[Band], canvas: Canvas) -> Json:
    """Return the stack of a recording over time, with its peak, marks, limits and gaps."""
    course, theme = chart.course, canvas.theme
    unit = unit_for(course.peak.pss_bytes)
    peak = (course.peak.elapsed_s, _peak_text(course))
    marks = [(mark.elapsed_s, mark.name) for mark in chart.marks]
    near = near_limits(chart)
    return _whole(
        chart.heading,
        canvas,
        bands,
        window=(course.start_s, course.end_s),
        top=unit.of(_top(course, near)),
        labels=[peak, *marks],
        datasets={
            "course": rows(course, bands, unit),
            "gaps": [{"start": _ms(gap.start_s), "end": _ms(gap.end_s)} for gap in course.gaps],
            "limits": [{"at": unit.of(one.size_bytes), "text": _limit_text(one)} for one in near],
        },
        layer=[
            layers.stack(bands, unit.name, has_legend=not canvas.is_page),
            *(layers.bounds(theme) if course.has_bounds else []),
            *([layers.gaps(theme)] if course.gaps else []),
            *(layers.limits(theme) if near else []),
        ],
    )


def overlaid(overlay: Overlay, canvas: Canvas) -> Json:
    """Return the totals of several recordings as lines, each from its own start."""
    courses = [chart.course for chart in overlay.charts]
    highest = max(courses, key=lambda course: course.peak.pss_bytes)
    unit = unit_for(highest.peak.pss_bytes)
    bands = overlaid_bands(overlay)
    return _whole(
        overlay.heading,
        canvas,
        bands,
        window=(0.0, max(course.end_s for course in courses)),
        top=unit.of(round(1.04 * highest.peak.pss_bytes)),
        labels=[(course.peak.elapsed_s, _peak_text(course)) for course in courses],
        datasets={
            "course": [
                {"t": row["t"], "band": name(at), "total": row["total"]}
                for at, course in enumerate(courses)
                for row in rows(course, [], unit)
            ]
        },
        layer=[layers.lines(bands, unit.name, has_legend=not canvas.is_page)],
    )


def overlaid_bands(overlay: Overlay) -> list[Band]:
    """Return the lines of an overlay, each with the hue of its own."""
    return [
        Band(chart.heading.title, shade(at, 0), [frame.pss_bytes for frame in chart.course.frames])
        for at, chart in enumerate(overlay.charts)
    ]


def _whole(
    heading: Heading,
    canvas: Canvas,
    bands: Sequence[Band],
    *,
    window: tuple[float, float],
    top: float,
    labels: Sequence[tuple[float, str]],
    datasets: Json,
    layer: list[Json],
) -> Json:
    start_s, end_s = window
    # An axis needs a length, also that of a single sample.
    end_ms = max(_ms(end_s), _ms(start_s) + 1)
    at = placed(labels, start_s=start_s, end_s=end_s, width=canvas.width, font=layers.FONT)
    return {
        "$schema": SCHEMA,
        "background": canvas.theme.background,
        "padding": 0 if canvas.is_page else 16,
        "width": canvas.width,
        "height": canvas.height,
        **({} if canvas.is_page else {"title": _title(heading, canvas)}),
        "params": [
            {"name": "from", "value": _ms(start_s)},
            {"name": "to", "value": end_ms},
            {"name": "step", "expr": step_expression()},
            {"name": "top", "value": top},
            {"name": "names", "value": {name(at): band.label for at, band in enumerate(bands)}},
        ],
        "datasets": {**datasets, "labels": [*_label_rows(at)]},
        "layer": [*layer, *layers.instants(canvas.theme)],
        "config": layers.config(canvas.theme),
    }


def _label_rows(labels: Iterable[Label]) -> Iterable[Json]:
    for label in labels:
        yield {
            "t": _ms(label.elapsed_s),
            "text": label.text,
            "align": label.align,
            "y": -_ROW_HEIGHT * (1 + label.row),
        }


def rows(course: Course, bands: Sequence[Band], unit: Unit) -> list[Json]:
    """Return a row for each frame; the last is repeated, since it is true until the end."""
    made = [
        {"t": _ms(frame.elapsed_s), **_bounds(frame, unit)}
        | {name(number): unit.of(band.sizes[at]) for number, band in enumerate(bands)}
        for at, frame in enumerate(course.frames)
    ]
    return [*made, {**made[-1], "t": max(_ms(course.end_s), _ms(course.start_s) + 1)}]


def _bounds(frame: Frame, unit: Unit) -> Json:
    total = unit.of(frame.pss_bytes)
    if not is_wide(frame.pss_low_bytes, frame.pss_high_bytes):
        return {"total": total, "low": None, "high": total}
    low, high = unit.of(frame.pss_low_bytes), unit.of(frame.pss_high_bytes)
    return {"total": total, "low": low, "high": high}


def near_limits(chart: Chart) -> list[Limit]:
    """Return the limits that a chart has room for."""
    most = _FAR * chart.course.peak.pss_bytes
    return [limit for limit in chart.limits if limit.size_bytes <= most]


def _top(course: Course, limits: Sequence[Limit]) -> int:
    most = course.peak.pss_bytes
    highest = max(frame.pss_high_bytes for frame in course.frames)
    return round(
        1.04 * max(most, min(highest, _FAR * most), *(one.size_bytes for one in limits), 1 << 12)
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _peak_text(course: Course) -> str:
    return f"peak {format_size(course.peak.pss_bytes)}"


def _limit_text(limit: Limit) -> str:
    return f"{limit.name} {format_size(limit.size_bytes)}"


def _title(heading: Heading, canvas: Canvas) -> Json:
    return {
        "text": heading.title,
        "subtitle": [*heading.facts, *heading.remarks],
        "anchor": "start",
        "frame": "group",
        "limit": canvas.width,
        "offset": 12,
        "fontSize": 15,
        "fontWeight": 600,
        "subtitleFontSize": 12,
        "subtitlePadding": 5,
        "color": canvas.theme.text,
        "subtitleColor": canvas.theme.faint,
    }
