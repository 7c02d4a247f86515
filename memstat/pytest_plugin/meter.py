"""Measures one test after the other, by samples and by the kernel's own marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from memstat.errors import SidecarError
from memstat.model import Memory, ProcessKey, ProcessSample, Snapshot
from memstat.proc import own
from memstat.proc.system import system
from memstat.pytest_plugin.boundaries import Boundaries
from memstat.pytest_plugin.limits import Usage
from memstat.pytest_plugin.marks import Boundary, Marks, marks_of
from memstat.pytest_plugin.probe import SharedSidecar
from memstat.pytest_plugin.usage import Survivor
from memstat.sampling.liveness import alive
from memstat.sampling.torn import REPEATS_OF_ONE

if TYPE_CHECKING:
    from memstat.pytest_plugin.recordings import TestRecordings

_WORTH_A_SAMPLE_BYTES: Final = 1 << 20
"""Only a sample shows how much of the file pages that a test mapped is shared."""
_WORTH_READING_S: Final = 0.005
"""A shorter test without children is not sampled: it would be by luck."""


class Start(NamedTuple):
    """What is there when a test is called."""

    at_s: float
    """When, in seconds after the sidecar's start."""
    pss_bytes: int
    """Total PSS."""
    own_pss_bytes: int
    """The part of it that this process has."""
    others: tuple[ProcessSample, ...]
    """The other processes."""
    boundary: Boundary | None
    """What this process read of itself; ``None`` when it could not."""
    is_torn: bool
    """Whether the total may be wrong: processes started and ended while each sample was taken."""


class _Parts:
    """A snapshot as a test needs it. Many short tests begin with the same one."""

    def __init__(self, snapshot: Snapshot, own_pid: int) -> None:
        self.snapshot = snapshot
        self.own_pid = own_pid
        self.alive = frozenset([process.key for process in alive(snapshot)])
        self.others = tuple([p for p in snapshot.processes if p.key.pid != own_pid])
        self.ours = next((p.memory for p in snapshot.processes if p.key.pid == own_pid), Memory())


class Meter:
    """The shared sidecar and the marks of this process, for the test that is running.

    Where a test has no child processes, it is not waited for: the kernel keeps the mark of this
    process, and samples are taken in as they come. A test that has children, or that is asked for,
    begins and ends with a sample. All methods but ``close`` and ``left_running`` raise
    SidecarError.
    """

    def __init__(self, recordings: TestRecordings | None = None) -> None:
        self.shared = SharedSidecar(recordings)
        self._boundaries = Boundaries()
        self._newest: _Parts | None = None

    def alive(self) -> frozenset[ProcessKey]:
        """Return the processes that are alive, by the newest snapshot there is."""
        return self._parts_of(self.shared.latest()).alive

    def begin(self, *, is_asked: bool, keeps_snapshots: bool) -> Start:
        """Begin anew for a test; return what is there before it."""
        latest = self._begin_samples(is_asked=is_asked)
        if keeps_snapshots:
            self.shared.keep_snapshots()
        parts = self._parts_of(latest)
        total, ours = latest.total.pss_bytes, parts.ours
        if total is None or ours.pss_bytes is None:
            raise SidecarError("no process could be read")
        # The last thing before the test: what is done here is no growth of it.
        boundary = self._boundaries.begin()
        since_bytes = 0
        if boundary is not None and ours.rss_bytes is not None:
            since_bytes = boundary.own.rss_bytes - ours.rss_bytes
        return Start(
            self.shared.connection.elapsed_s(),
            max(0, total + since_bytes),
            max(0, ours.pss_bytes + since_bytes),
            parts.others,
            boundary,
            latest.torn,
        )

    def end(self, start: Start, *, is_asked: bool) -> Usage:
        """Return what the test has used since then."""
        try:
            return self._end(start, is_asked=is_asked)
        except SidecarError:
            # The next test has another one.
            self.shared.close()
            raise

    def left_running(
        self, before: frozenset[ProcessKey], *, is_asked: bool
    ) -> tuple[Survivor, ...]:
        """Return the processes that are alive and were not before; none where it is not known."""
        try:
            latest = self.shared.latest()
            if is_asked or len(latest.processes) > 1 or own.has_children():
                latest = self.shared.sample()
        except SidecarError:
            return ()
        return tuple(
            [
                Survivor(process.key.pid, process.name, process.memory.pss_bytes)
                for process in alive(latest)
                if process.key not in before
            ]
        )

    def close(self) -> None:
        """End the sidecar, and close the files that are read."""
        self.shared.close()
        self._boundaries.close()

    def _parts_of(self, snapshot: Snapshot) -> _Parts:
        newest, own_pid = self._newest, system.getpid()
        if newest is None or newest.snapshot is not snapshot or newest.own_pid != own_pid:
            self._newest = newest = _Parts(snapshot, own_pid)
        return newest

    def _begin_samples(self, *, is_asked: bool) -> Snapshot:
        """Return the snapshot that the growth counts from: one that is not torn, if there is any.

        Where a process forks again and again, all may be torn.
        """
        is_sampled = is_asked or own.has_children()
        latest = self.shared.begin(is_sampled=is_sampled, is_asked=is_asked)
        for _ in range(REPEATS_OF_ONE):
            if not latest.torn:
                break
            latest = self.shared.begin(is_sampled=True, is_asked=is_asked)
        return latest

    def _end(self, start: Start, *, is_asked: bool) -> Usage:
        end = self._boundaries.end(start.boundary)
        if is_asked or own.has_children() or _has_mapped_files(start, end):
            self.shared.sample()
        record = self.shared.connection.known
        lasted_s = self.shared.connection.elapsed_s() - start.at_s
        if lasted_s >= _WORTH_READING_S or end is None:
            record = self.shared.read()
        peak = record.tally.whole_peak
        marks: Marks | None = None
        if start.boundary is not None and end is not None:
            started_bytes = self.shared.started.largest_bytes
            marks = marks_of(start.boundary, end, start.others, started_bytes)
        elif peak is None or start.is_torn:
            raise SidecarError("no whole sample was taken, and the kernel's mark cannot be read")
        return Usage(
            start.pss_bytes,
            start.at_s,
            peak,
            record.tally.samples,
            marks,
            start.own_pss_bytes,
            system.getpid(),
            start.is_torn,
        )


def _has_mapped_files(start: Start, end: Boundary | None) -> bool:
    if start.boundary is None or end is None:
        return True
    more_bytes = end.own.shared_bytes - start.boundary.own.shared_bytes
    return more_bytes > _WORTH_A_SAMPLE_BYTES
