"""Measurements of a baseline of the pytest plugin: what each test grew by in its runs. Pure."""

from __future__ import annotations

from typing import Any

from memstat.comparing.figures import BASELINE_KEY
from memstat.comparing.measurements import Measurements, Run


def is_baseline(value: object) -> bool:
    """Whether a value of JSON is one."""
    return isinstance(value, dict) and BASELINE_KEY in value


def measurements_of(value: Any) -> tuple[Measurements, ...]:
    """Return the tests. Raises ValueError where their growths are no numbers of bytes.

    >>> one, two = measurements_of({"growth_pss_bytes": {"test_a": 4096, "test_b": [1, 2]}})
    >>> len(one.runs), len(two.runs)
    (1, 2)
    """
    tests = value[BASELINE_KEY]
    if not isinstance(tests, dict):
        raise ValueError(f'its "{BASELINE_KEY}" is no object')  # noqa: TRY004 - a file is not valid
    return tuple(Measurements(test, _runs(test, growths)) for test, growths in tests.items())


def _runs(test: str, growths: Any) -> tuple[Run, ...]:
    runs = growths if isinstance(growths, list) else [growths]
    if not runs or not all(type(run) is int for run in runs):
        raise ValueError(f"{test}: {growths!r} is no number of bytes, nor several")
    return tuple(Run(pss_bytes=run) for run in runs)
