"""What the report of one test carries to where the tests are reported, by JSON-like values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Survivor:
    """A process that a test started and that ran on after its teardown."""

    pid: int
    """Its PID."""
    name: str
    """Its ``comm``."""
    pss_bytes: int | None
    """Its PSS then; ``None`` when it could not be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one test used; sizes are ``None`` when it could not be measured."""

    test: str
    """Its id."""
    start_pss_bytes: int | None = None
    """Total PSS before its call."""
    peak_pss_bytes: int | None = None
    """The peak of its call."""
    growth_pss_bytes: int | None = None
    """The peak over the start."""
    peak_after_s: float | None = None
    """Seconds from the start of the call to the peak."""
    samples: int = 0
    """Snapshots during the call."""
    complete: bool = False
    """Whether the total at the peak lacks nothing."""
    left_running: tuple[Survivor, ...] = ()
    """What it started and left behind."""
    failure: str | None = None
    """Why it could not be measured."""

    def encode(self) -> dict[str, Any]:
        """Return it as values that survive the way from a worker."""
        value = asdict(self)
        value["left_running"] = [asdict(survivor) for survivor in self.left_running]
        return value

    @classmethod
    def decode(cls, value: Mapping[str, Any]) -> Row:
        """Return the row that was encoded.

        >>> row = Row("test_a", left_running=(Survivor(7, "sh", None),))
        >>> Row.decode(row.encode()) == row
        True
        """
        survivors = tuple(Survivor(**survivor) for survivor in value["left_running"])
        return cls(**{**value, "left_running": survivors})
