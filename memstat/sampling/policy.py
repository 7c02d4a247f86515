"""How much a measurement may hold up what it measures. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Policy:
    """When processes are walked, and not just glanced at.

    Raises ValueError when ``budget`` is not between 0 and 1.

    >>> Policy().budget
    0.02
    """

    budget: float = 0.02
    """The part of its time for which walks may hold up a process. With 0, only the first sweep
    walks."""
    exact: bool = False
    """Whether every sweep walks every process, whatever that costs."""

    def __post_init__(self) -> None:
        if not 0 <= self.budget <= 1:
            raise ValueError(f"the budget is a part of the time, from 0 to 1, not {self.budget}")


GENTLE: Final = Policy()
EXACT: Final = Policy(exact=True)
