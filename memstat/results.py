"""What snapshots add up to: immutable, in bytes and seconds, unknown is ``None``."""

from __future__ import annotations

from dataclasses import dataclass

from memstat.model import ProcessSample, Snapshot

__all__ = ["Limit", "Mark", "Peak", "RunResult", "SamplingStats"]


@dataclass(frozen=True, slots=True)
class Peak:
    """The snapshot with the largest total PSS so far; a torn one only where all are torn."""

    pss_bytes: int
    """Its total PSS."""
    snapshot: Snapshot
    """All of it."""

    @property
    def elapsed_s(self) -> float:
        """Seconds from the first tick to the peak."""
        return self.snapshot.elapsed_s


@dataclass(frozen=True, slots=True)
class Mark:
    """A named instant of a measurement: it ends one phase and begins the next."""

    name: str
    """Its name; it need not be unique."""
    elapsed_s: float
    """Seconds from the first tick to the mark."""
    peak: Peak | None
    """The peak since the mark before it, or since the start; ``None`` without a sample between."""


@dataclass(frozen=True, slots=True)
class SamplingStats:
    """How well the sampling went, and with it how far a peak can be trusted."""

    interval_s: float
    """The requested time between two ticks."""
    samples: int
    """Sweeps taken."""
    missed_ticks: int
    """Ticks skipped."""
    incomplete_samples: int
    """Sweeps with an incomplete total."""
    longest_gap_s: float | None
    """The longest time between the starts of two sweeps, or from the last one to the end.

    ``None`` when there is neither.
    """
    sweep_median_s: float | None
    """The median duration of a sweep, to within 1 %; ``None`` without any."""
    sweep_max_s: float | None
    """The longest sweep; ``None`` without any."""
    torn_samples: int = 0
    """Sweeps that are torn (``Snapshot.torn``). They are no peak while there are others."""
    stopped_ticks: int = 0
    """Of the missed ticks, those during which this process was stopped (SIGSTOP, Ctrl+Z)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on the total PSS of a run, and whether it was exceeded."""

    max_pss_bytes: int
    """The largest total that is allowed."""
    exceeded: Snapshot | None
    """The first snapshot with a larger total; ``None`` when there was none."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a supervised command ended and what it used."""

    command: tuple[str, ...]
    """The command and its arguments."""
    exit_code: int | None
    """Its exit code; ``None`` when a signal killed it."""
    signal: int | None
    """The number of the signal that killed it; ``None`` when it exited."""
    duration_s: float
    """Wall time from just before the start to the end of the command."""
    stats: SamplingStats
    """How the sampling went."""
    peak: Peak | None
    """``None`` when nothing could be measured: the command was too short, or not readable."""
    last: Snapshot | None = None
    """The last snapshot, ``None`` without any."""
    survivors: tuple[ProcessSample, ...] = ()
    """Descendants that were still running when the sampling ended."""
    oom_kills: int | None = None
    """Processes that the OOM killer ended on this system during the run; ``None``: unknown."""
    limit: Limit | None = None
    """The limit that was set; ``None`` without one."""
    rss_floor_bytes: int | None = None
    """What the RSS of one process reached at least, by the kernel's own marks, where that is more
    than in any sample by over 5 % and 1 MiB; ``None`` otherwise."""
    partial: tuple[Snapshot, ...] = ()
    """For each reason why totals lacked something, the first snapshot with it: a process was
    denied, one was unreadable, or processes may be missing."""
    uncounted_descendants: int | None = None
    """The most descendants at once that were not to be measured; ``None``: not looked for."""

    @property
    def exit_status(self) -> int:
        """The status a shell would report: the exit code, or 128 and the signal's number."""
        return 128 + self.signal if self.signal is not None else self.exit_code or 0
