"""Which limits a test has exceeded. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from memstat.pytest_plugin import messages
from memstat.pytest_plugin.limits import MaxPss, Tolerance, Usage


def problems_of(
    usage: Usage, limit: MaxPss | None, before_bytes: int | None, tolerance: Tolerance
) -> Iterator[str]:
    """Yield a message for ``max_pss`` and one for the baseline, where the test used more."""
    if limit is not None and limit.exceeded_by(usage) > 0:
        yield messages.over_limit(usage, limit)
    if before_bytes is not None:
        slack_bytes = tolerance.slack_bytes(before_bytes)
        if usage.growth_bytes > before_bytes + slack_bytes:
            yield messages.over_baseline(usage, before_bytes, slack_bytes)
