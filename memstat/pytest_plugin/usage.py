"""What one test used, as its report carries it, also from a worker of pytest-xdist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Survivor(NamedTuple):
    """A process that a test started and which was still running after its teardown."""

    pid: int
    """Its PID."""
    name: str
    """Its ``comm``."""
    pss_bytes: int | None
    """Its PSS then; ``None`` when it could not be read."""


class TestUsage(NamedTuple):
    """What one test used; sizes are ``None`` when it could not be measured."""

    test: str
    """Its id."""
    start_pss_bytes: int | None = None
    """Total PSS before its call."""
    peak_pss_bytes: int | None = None
    """The peak of its call."""
    growth_pss_bytes: int | None = None
    """The peak over the start."""
    decided_by: str | None = None
    """Where the growth is from: ``samples`` of PSS, or the kernel's ``high-water mark`` of RSS."""
    peak_after_s: float | None = None
    """Seconds from the start of the call to the largest sample; ``None`` without any."""
    samples: int = 0
    """Snapshots during the call."""
    complete: bool = False
    """Whether every process at the peak could be read; true as well without a sample."""
    left_running: tuple[Survivor, ...] = ()
    """The processes that it started and did not end."""
    failure: str | None = None
    """Why it could not be measured."""

    def encode(self) -> dict[str, Any]:
        """Return it as plain values, which pytest-xdist can send from a worker."""
        value = self._asdict()
        value["left_running"] = [survivor._asdict() for survivor in self.left_running]
        return value

    @classmethod
    def decode(cls, value: Mapping[str, Any]) -> TestUsage:
        """Return the usage that was encoded.

        >>> usage = TestUsage("test_a", left_running=(Survivor(7, "sh", None),))
        >>> TestUsage.decode(usage.encode()) == usage
        True
        """
        survivors = tuple([Survivor(**survivor) for survivor in value["left_running"]])
        return cls(**{**value, "left_running": survivors})


TestUsage.__test__ = False  # type: ignore[attr-defined]
"""Not a class with tests, whatever its name suggests to pytest."""
