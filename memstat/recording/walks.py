"""When the processes of a snapshot were last walked, to the microsecond. Pure.

How long ago that was changes with every snapshot, when it was does not: recordings have the latter.
"""

from __future__ import annotations

from collections.abc import Sequence

from memstat.model import ProcessSample, ReadStatus


def walked_at_s(elapsed_s: float, walk_age_s: float | None) -> float | None:
    """Return when a process was walked, by a snapshot that says how long before it that was.

    >>> walked_at_s(2.5, 0.75)
    1.75
    """
    return None if walk_age_s is None else round(elapsed_s - round(walk_age_s, 6), 6)


def age_s(elapsed_s: float, walked_s: float | None) -> float | None:
    """Return how long before a snapshot a walk was.

    >>> age_s(2.5, 1.75)
    0.75
    """
    return None if walked_s is None else round(elapsed_s - walked_s, 6)


def expected_s(
    samples: Sequence[ProcessSample],
    walked_s: Sequence[float | None],
    elapsed_s: float,
    walk_s: float | None,
) -> list[float | None]:
    """Return when readers take processes as walked unless something else is recorded.

    Where a snapshot has a ``walk_s``, that is in this one; else it is as it was before.
    """
    if walk_s is None:
        return [*walked_s]
    return [
        elapsed_s if sample.status is ReadStatus.MEASURED else before_s
        for sample, before_s in zip(samples, walked_s, strict=True)
    ]
