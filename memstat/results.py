"""What snapshots add up to: immutable, in bytes and seconds, unknown is ``None``."""

from __future__ import annotations

from dataclasses import dataclass

from memstat.model import ProcessSample, Snapshot

__all__ = ["Limit", "Mark", "Peak", "RunResult", "SamplingStats"]


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest total PSS so far, as a bracket: it was no less, and no more, than this.

    The bounds are the largest of those of all snapshots, so that the peak lies between them
    whichever snapshot it fell on; the upper one includes what processes had between two snapshots,
    by the kernel's own marks.
    """

    pss_bytes: int
    """The best value: the largest total of a snapshot."""
    snapshot: Snapshot
    """All of that snapshot."""
    pss_low_bytes: int = -1
    """The peak was no less. By default ``pss_bytes``."""
    pss_high_bytes: int = -1
    """The peak was no more, likewise."""

    def __post_init__(self) -> None:
        if self.pss_low_bytes < 0:
            object.__setattr__(self, "pss_low_bytes", self.pss_bytes)
        if self.pss_high_bytes < 0:
            object.__setattr__(self, "pss_high_bytes", self.pss_bytes)

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
    """Sweeps that are torn (``Snapshot.torn``)."""
    stopped_ticks: int = 0
    """Of the missed ticks, those during which this process was stopped (SIGSTOP, Ctrl+Z)."""
    walks: int = 0
    """Sweeps that walked the pages of the processes; the others only glanced at them."""
    walk_s: float = 0.0
    """How long walks held processes up, in sum."""
    held_share: float = 0.0
    """The largest part of its time for which walks held up one process, of those that lived for a
    second."""
    interval_changes: tuple[tuple[float, float], ...] = ()
    """Where the rate was free, how it changed: seconds after the start, and the interval since."""


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
