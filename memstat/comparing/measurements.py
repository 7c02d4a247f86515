"""What the runs of a command have used, each at its peak. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Metric(StrEnum):
    """Which size of a run is judged: that of the snapshot with the largest PSS."""

    PSS = "pss"
    USS = "uss"
    RSS = "rss"
    SWAP = "swap"


class Flaw(StrEnum):
    """Why the total at the peak of a run may be wrong."""

    DENIED = "a process could not be read"
    UNREADABLE = "reading a process failed"
    MISSING = "processes may be missing"
    TORN = "processes that share memory started or ended while it was read"
    ENDED = "a process ended while it was read"

    @property
    def spoils(self) -> bool:
        """Whether one such run is enough to compare nothing: others lack the same."""
        return self in {Flaw.DENIED, Flaw.UNREADABLE, Flaw.MISSING}


class Program(NamedTuple):
    """The processes of one name at the peak, in sum.

    The parts are ``None`` where one of them is unknown, as before Linux 5.3.
    """

    name: str
    """Chosen by the processes: not safe to print as it is."""
    processes: int
    """How many there were."""
    pss_bytes: int
    """Their PSS."""
    pss_anon_bytes: int | None
    """The part in anonymous pages."""
    pss_file_bytes: int | None
    """The part in file pages."""
    pss_shmem_bytes: int | None
    """The part in shared memory."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run. What is unknown is ``None``, as is every size where nothing was measured."""

    pss_bytes: int | None = None
    """The peak, its best value."""
    pss_low_bytes: int | None = None
    """It was no less."""
    pss_high_bytes: int | None = None
    """It was no more."""
    uss_bytes: int | None = None
    """USS in the snapshot of the peak, as are the next two; ``None`` where no walk was near it."""
    rss_bytes: int | None = None
    """RSS, the sum over the processes."""
    swap_bytes: int | None = None
    """The proportional share of swap, likewise."""
    duration_s: float | None = None
    """From the start to the end of the command."""
    user_s: float | None = None
    """The CPU time of the command and of what it waited for."""
    system_s: float | None = None
    """That in the kernel."""
    exit_status: int | None = None
    """As a shell would report it."""
    samples: int | None = None
    """Snapshots taken."""
    interval_s: float | None = None
    """The time between two of them that was asked for; at the end, where the rate is free."""
    unix_time_s: float | None = None
    """When it ended."""
    flaw: Flaw | None = None
    """Why the peak may be wrong."""
    kernel: str | None = None
    """The release of Linux."""
    page_bytes: int | None = None
    """The size of a page."""
    programs: tuple[Program, ...] = ()
    """What the peak consisted of, the largest first."""

    def size_bytes(self, metric: Metric) -> int | None:
        """Return the size that is judged; ``None`` where it is unknown."""
        sizes = {
            Metric.PSS: self.pss_bytes,
            Metric.USS: self.uss_bytes,
            Metric.RSS: self.rss_bytes,
            Metric.SWAP: self.swap_bytes,
        }
        return sizes[metric]


@dataclass(frozen=True, slots=True)
class Measurements:
    """The runs of one command, the oldest first."""

    name: str
    """What it is called; not safe to print as it is."""
    runs: tuple[Run, ...]
    """At least one."""
    command: str = ""
    """The command and its arguments as one line; empty where unknown."""
    remarks: tuple[str, ...] = ()
    """What a reader must know of where they are from."""

    def sizes_bytes(self, metric: Metric) -> tuple[int, ...]:
        """Return the known sizes of the runs."""
        sizes = (run.size_bytes(metric) for run in self.runs)
        return tuple(size for size in sizes if size is not None)
