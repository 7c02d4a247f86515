"""vl-convert, which knows Vega: an extra, imported where it is used."""

from __future__ import annotations

from types import ModuleType

from memstat.errors import ReportError


def converter() -> ModuleType:
    """Return the module. Raises ReportError where it is not installed."""
    try:
        import vl_convert  # noqa: PLC0415 - 84 MB, and only for pages and pictures
    except ImportError as error:
        raise ReportError(
            "a page or a picture needs vl-convert: pip install 'memstat[report]'"
        ) from error
    return vl_convert
