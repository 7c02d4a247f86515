"""The last runs of each command: what a baseline keeps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from memstat.comparing.figures import KEPT_RUNS
from memstat.comparing.measurements import Measurements


def grouped(measurements: Iterable[Measurements]) -> tuple[Measurements, ...]:
    """Return each name once, with all its runs in their order.

    >>> from memstat.comparing.measurements import Run
    >>> one = Measurements("sort", (Run(pss_bytes=1),))
    >>> [len(found.runs) for found in grouped([one, one])]
    [2]
    """
    found: dict[str, Measurements] = {}
    for one in measurements:
        before = found.get(one.name)
        if before is not None:
            remarks = (*before.remarks, *one.remarks)
            one = replace(one, runs=(*before.runs, *one.runs), remarks=remarks)  # noqa: PLW2901
        found[one.name] = one
    return tuple(found.values())


def appended(base: Sequence[Measurements], new: Sequence[Measurements]) -> tuple[Measurements, ...]:
    """Return the base with the new runs, of each command the last five.

    Where each side has one command alone, the runs are those of one, as in a comparison.
    """
    if len(base) == len(new) == 1:
        new = [replace(new[0], name=base[0].name)]
    return tuple(replace(one, runs=one.runs[-KEPT_RUNS:]) for one in grouped([*base, *new]))
