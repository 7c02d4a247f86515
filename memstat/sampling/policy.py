"""How much a measurement may hold up what it measures. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple


class Policy(NamedTuple):
    """When processes are walked, and not just glanced at."""

    budget: float = 0.02
    """The part of its time for which walks may hold up a process. With 0, only the first sweep
    walks."""
    exact: bool = False
    """Whether every sweep walks every process, whatever that costs."""


def policy_of(budget: float, *, exact: bool) -> Policy:
    """Return the policy of two options. Raises ValueError for a budget that is not from 0 to 1.

    >>> policy_of(0.5, exact=False).budget
    0.5
    """
    if not 0 <= budget <= 1:
        raise ValueError(f"the budget is a part of the time, from 0 to 1, not {budget}")
    return Policy(budget, exact)


GENTLE: Final = Policy()
EXACT: Final = Policy(exact=True)
