"""The layers of a chart as Vega-Lite, from the stack up to the labels. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from memstat.charts.axes import SIZE_LABEL, TICKS, TIME_LABEL
from memstat.charts.bands import Band
from memstat.charts.colours import Theme

Json = dict[str, Any]

FONT: Final = 11
_LIMIT: Final = "#e5484d"
_STRIPES: Final = 100

_TIME: Final[Json] = {
    "field": "t",
    "type": "quantitative",
    "scale": {"domain": [{"expr": "from"}, {"expr": "to"}], "nice": False, "zero": False},
    "axis": {
        "title": None,
        "values": {"expr": TICKS},
        "labelExpr": TIME_LABEL,
        "labelFlush": False,
        "grid": False,
    },
}
_STEPPED: Final[Json] = {"interpolate": "step-after", "clip": True}


def name(at: int) -> str:
    """Return the field of a band: what others have chosen is never a field."""
    return f"b{at:02}"


def _size(field: str, unit: str) -> Json:
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [0, {"expr": "top"}], "nice": False},
        "axis": {"title": f"PSS, {unit}", "labelExpr": SIZE_LABEL, "tickCount": 6},
    }


def _colour(bands: Sequence[Band], *, has_legend: bool, symbol: str = "square") -> Json:
    legend = {
        "title": None,
        "labelExpr": "names[datum.value]",
        "symbolType": symbol,
        "symbolStrokeWidth": 3 if symbol == "stroke" else 0,
    }
    return {
        "field": "band",
        "type": "nominal",
        # In the order of the stack, which a legend lists from the top.
        "scale": {
            "domain": [name(at) for at in range(len(bands))][::-1],
            "range": [band.colour for band in bands][::-1],
        },
        "legend": legend if has_legend else None,
    }


def stack(bands: Sequence[Band], unit: str, *, has_legend: bool) -> Json:
    """Return the bands on each other, from wide rows."""
    fields = [name(at) for at in range(len(bands))]
    return {
        "data": {"name": "course"},
        "transform": [{"fold": fields, "as": ["band", "size"]}],
        "mark": {"type": "area", **_STEPPED},
        "encoding": {
            "x": _TIME,
            "y": {**_size("size", unit), "stack": "zero"},
            "color": _colour(bands, has_legend=has_legend),
            "order": {"field": "band", "sort": "ascending"},
        },
    }


def lines(bands: Sequence[Band], unit: str, *, has_legend: bool) -> Json:
    """Return a line for each total, from a row for each total and instant."""
    return {
        "data": {"name": "course"},
        "mark": {"type": "line", **_STEPPED, "strokeWidth": 1.6},
        "encoding": {
            "x": _TIME,
            "y": _size("total", unit),
            "color": _colour(bands, has_legend=has_legend, symbol="stroke"),
        },
    }


def bounds(theme: Theme) -> list[Json]:
    """Return the bounds of the total where they are not closed.

    A band leads up to the upper one; the lower one, which lies on the stack, is a line.
    """
    low = {"field": "low", "type": "quantitative"}
    return [
        {
            "data": {"name": "course"},
            "mark": {"type": "area", **_STEPPED, "color": theme.text, "opacity": 0.16},
            "encoding": {"x": _TIME, "y": {**low, "field": "total"}, "y2": {"field": "high"}},
        },
        {
            "data": {"name": "course"},
            "mark": {
                "type": "line",
                **_STEPPED,
                "color": theme.text,
                "strokeWidth": 1,
                "strokeDash": [3, 2],
            },
            "encoding": {"x": _TIME, "y": low},
        },
    ]


def gaps(theme: Theme) -> Json:
    """Return hatched rectangles where there were no samples."""
    return {
        "data": {"name": "gaps"},
        "mark": {"type": "rect", "clip": True, "color": _hatching(theme)},
        "encoding": {"x": {**_TIME, "field": "start"}, "x2": {"field": "end"}},
    }


def _hatching(theme: Theme) -> Json:
    """Return stripes as a gradient, which all of Vega's renderers know."""
    stops = []
    for at in range(_STRIPES):
        colour = theme.background if at % 2 else theme.grid
        stops += [
            {"offset": at / _STRIPES, "color": colour},
            {"offset": (at + 1) / _STRIPES, "color": colour},
        ]
    return {"gradient": "linear", "x1": 0, "y1": 0, "x2": 0, "y2": 1, "stops": stops}


def limits(theme: Theme) -> list[Json]:
    """Return a line for each limit, with its name."""
    at: Json = {"field": "at", "type": "quantitative"}
    line = {"type": "rule", "color": _LIMIT, "strokeWidth": 1.5, "strokeDash": [6, 3]}
    text = {"type": "text", "align": "right", "baseline": "bottom", "dx": -4, "dy": -3}
    return [
        {"data": {"name": "limits"}, "mark": {**line, "clip": True}, "encoding": {"y": at}},
        {
            "data": {"name": "limits"},
            "transform": [{"filter": "datum.at <= top"}],
            "mark": {**text, "color": theme.text, "fontSize": FONT, "fontWeight": 600},
            "encoding": {
                "y": at,
                "x": {"value": {"expr": "width"}},
                "text": {"field": "text", "type": "nominal"},
            },
        },
    ]


def instants(theme: Theme) -> list[Json]:
    """Return lines at the peak and the marks, each up to its label above the chart."""
    shared: Json = {
        "data": {"name": "labels"},
        "transform": [{"filter": "from <= datum.t && datum.t <= to"}],
    }
    at: Json = {"x": _TIME, "y": {"field": "y", "type": "quantitative", "scale": None}}
    line = {"type": "rule", "color": theme.line, "opacity": 0.8, "strokeDash": [2, 2]}
    text = {
        "type": "text",
        "align": {"expr": "datum.align"},
        "dx": {"expr": "datum.align == 'left' ? 3 : -3"},
        "baseline": "top",
        "color": theme.text,
        "fontSize": FONT,
    }
    return [
        {**shared, "mark": line, "encoding": {**at, "y2": {"value": "height"}}},
        {**shared, "mark": text, "encoding": {**at, "text": {"field": "text", "type": "nominal"}}},
    ]


def config(theme: Theme) -> Json:
    """Return the colours of what is around the layers."""
    return {
        "font": "system-ui, 'Segoe UI', 'Liberation Sans', 'DejaVu Sans', sans-serif",
        "view": {"stroke": None},
        "axis": {
            "labelColor": theme.faint,
            "titleColor": theme.faint,
            "gridColor": theme.grid,
            "domainColor": theme.faint,
            "tickColor": theme.faint,
            "labelFontSize": FONT,
            "titleFontSize": FONT,
            "titleFontWeight": "normal",
        },
        "legend": {
            "labelColor": theme.text,
            "labelFontSize": FONT,
            "labelLimit": 260,
            "symbolSize": 90,
            "rowPadding": 1,
            "offset": 14,
        },
    }
