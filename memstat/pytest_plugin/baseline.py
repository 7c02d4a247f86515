"""The growth of every test in earlier runs, as JSON that diffs well. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from memstat.comparing.figures import BASELINE_KEY, KEPT_RUNS, LEAST_RUNS, median
from memstat.pytest_plugin.limits import Tolerance

Growths = int | Sequence[int]
"""In bytes: of one run, or of each of several, the oldest first."""
Baseline = Mapping[str, Growths]
"""By test id."""


def decode(text: str) -> Baseline:
    """Return the baseline of a file's text. Raises ValueError."""
    value = json.loads(text)
    growths = value.get(BASELINE_KEY) if isinstance(value, dict) else None
    if not isinstance(growths, dict) or not all(map(_is_valid, growths.values())):
        raise ValueError(
            f'it has no "{BASELINE_KEY}" with a number of bytes for each test, or several'
        )
    return growths


def _is_valid(growths: object) -> bool:
    runs = growths if isinstance(growths, list) else [growths]
    return bool(runs) and all(type(run) is int for run in runs)


def encode(baseline: Baseline) -> str:
    r"""Return the text of a file: sorted, one line for each test.

    >>> print(encode({"b": [2, 3], "a": 1}), end="")
    {
      "growth_pss_bytes": {
        "a": 1,
        "b": [2, 3]
      }
    }
    """
    lines = [
        f"    {json.dumps(test, ensure_ascii=False)}: {json.dumps(growths)}"
        for test, growths in sorted(baseline.items())
    ]
    tests = ",\n".join(lines)
    return f'{{\n  "{BASELINE_KEY}": {{{f"{chr(10)}{tests}{chr(10)}  " if lines else ""}}}\n}}\n'


def runs_of(growths: Growths) -> tuple[int, ...]:
    """Return what each run grew by.

    >>> runs_of(5), runs_of([5, 6])
    ((5,), (5, 6))
    """
    return (growths,) if isinstance(growths, int) else tuple(growths)


def has_grown(growth: int, before: Sequence[int], tolerance: Tolerance) -> bool:
    """Whether a test uses more than in earlier runs: more than their median and the tolerance.

    Where there are three or more, it has to be more than in any of them: a test that varies by
    itself does not fail for it. One run cannot show more than that.

    >>> has_grown(130, [100, 100, 150], Tolerance(None, 10))
    False
    """
    middle = median(before)
    if growth <= middle + tolerance.slack_bytes(middle):
        return False
    return len(before) < LEAST_RUNS or growth > max(before)


def update(before: Baseline, growths: Mapping[str, int], tolerance: Tolerance) -> Baseline:
    """Return a baseline with the new growths; one within the tolerance keeps its old runs.

    Tests that were not measured stay as well: a run may select a few.
    """
    changed = {
        test: growth
        for test, growth in growths.items()
        if test not in before or _differs(growth, runs_of(before[test]), tolerance)
    }
    return {**before, **changed}


def _differs(growth: int, before: Sequence[int], tolerance: Tolerance) -> bool:
    middle = median(before)
    return abs(growth - middle) > tolerance.slack_bytes(middle)


def append(before: Baseline, growths: Mapping[str, int]) -> Baseline:
    """Return a baseline with the new growths after those before; the last five stay.

    >>> append({"a": [1, 2, 3, 4, 5], "b": 1}, {"a": 6})
    {'a': [2, 3, 4, 5, 6], 'b': 1}
    """
    runs = {
        test: [*(runs_of(before[test]) if test in before else ()), growth][-KEPT_RUNS:]
        for test, growth in growths.items()
    }
    return {**before, **runs}
