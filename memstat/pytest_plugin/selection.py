"""Which tests are measured without an option."""

from __future__ import annotations

from typing import Any, Final

import pytest

_FIXTURE_MODULE: Final = "memstat.pytest_plugin"


def is_opted_in(item: pytest.Item) -> bool:
    """Whether a test is measured whatever the options are."""
    return item.get_closest_marker("max_pss") is not None or _uses_our_fixture(item)


def _uses_our_fixture(item: pytest.Item) -> bool:
    # A project may have a fixture of its own of that name.
    known: Any = getattr(item, "_fixtureinfo", None)
    definitions: Any = known.name2fixturedefs.get("memory", ()) if known else ()
    return bool(definitions) and definitions[-1].func.__module__ == _FIXTURE_MODULE
