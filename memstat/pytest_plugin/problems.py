"""Which limits a test has exceeded. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memstat.comparing.figures import median
from memstat.pytest_plugin import messages
from memstat.pytest_plugin.baseline import has_grown
from memstat.pytest_plugin.limits import MaxPss, Tolerance, Usage


def problems_of(
    usage: Usage, limit: MaxPss | None, before: Sequence[int] | None, tolerance: Tolerance
) -> Iterator[str]:
    """Yield a message for ``max_pss`` and one for the baseline, where the test used more.

    ``before`` is what it grew by in earlier runs, ``None`` without any to compare with.
    """
    if limit is not None and limit.exceeded_by(usage) > 0:
        yield messages.over_limit(usage, limit)
    if before is not None and has_grown(usage.growth_bytes, before, tolerance):
        middle = median(before)
        yield messages.over_baseline(usage, middle, tolerance.slack_bytes(middle), before)
