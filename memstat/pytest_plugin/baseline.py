"""The growth of every test in an earlier run, as JSON that diffs well. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from memstat.pytest_plugin.limits import Tolerance

Baseline = Mapping[str, int]
"""Test id to growth in bytes."""

_KEY: Final = "growth_pss_bytes"


def decode(text: str) -> Baseline:
    """Return the baseline of a file's text. Raises ValueError."""
    value = json.loads(text)
    growths = value.get(_KEY) if isinstance(value, dict) else None
    if not isinstance(growths, dict) or not all(type(n) is int for n in growths.values()):
        raise ValueError(f'it has no "{_KEY}" with a number of bytes for each test')
    return growths


def encode(baseline: Baseline) -> str:
    r"""Return the text of a file: sorted, one line for each test.

    >>> print(encode({"b": 2, "a": 1}), end="")
    {
      "growth_pss_bytes": {
        "a": 1,
        "b": 2
      }
    }
    """
    return json.dumps({_KEY: dict(sorted(baseline.items()))}, indent=2, ensure_ascii=False) + "\n"


def update(before: Baseline, growths: Mapping[str, int], tolerance: Tolerance) -> Baseline:
    """Return a baseline with the new growths; one within the tolerance keeps its old value.

    Tests that were not measured stay as well: a run may select a few.
    """
    changed = {
        test: growth
        for test, growth in growths.items()
        if test not in before or abs(growth - before[test]) > tolerance.slack_bytes(before[test])
    }
    return {**before, **changed}
