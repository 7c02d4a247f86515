"""The sidecar of a pytest process, and what a test can read of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from memstat.errors import SidecarError
from memstat.model import Snapshot
from memstat.proc.system import system
from memstat.pytest_plugin.marks import StartedProcesses
from memstat.results import Mark, Peak, SamplingStats
from memstat.sampling.rate import FASTEST_S
from memstat.sidecars.connection import Connection
from memstat.sidecars.record import KEPT_SNAPSHOTS, Record
from memstat.sidecars.start import start_request
from memstat.sidecars.views import Sidecar

if TYPE_CHECKING:  # Most often nothing is recorded.
    from memstat.pytest_plugin.recordings import TestRecordings

_ALONE_INTERVAL_S: Final = 0.25
"""How often a process without children is sampled while no test asks for figures: the kernel
has them."""
_STALE_S: Final = 0.05
_MOST_FAILED_STARTS: Final = 2
"""After so many it is not started again: each costs time, and every test would pay."""


class SharedSidecar:
    """One sidecar for all tests of a process, and another one after a failure."""

    def __init__(self, recordings: TestRecordings | None = None) -> None:
        """With ``recordings`` it is read all the time, so that none of its snapshots is dropped."""
        self.started = StartedProcesses()
        """The processes that the test has started."""
        self._recordings = recordings
        self._launched: Connection | None = None
        self._connection: Connection | None = None
        self._is_asked: bool | None = None
        self._read_s = 0.0
        self._failed_starts = 0
        self._failure = ""

    def launch(self) -> None:
        """Start the sidecar if there is none, and do not wait for it."""
        if self._launched is None and self._connection is None:
            # What needs it tries again, and reports it.
            with suppress(SidecarError):
                self._launched = self._launch()

    @property
    def connection(self) -> Connection:
        """The sidecar, started if there is none. Raises SidecarError."""
        return self._connection or self._start()

    def begin(self, *, is_sampled: bool, is_asked: bool) -> Snapshot:
        """Begin anew for a test; return the newest snapshot. Raises SidecarError.

        With ``is_sampled`` it is taken now, which takes a millisecond. A test that ``is_asked`` for
        has samples at every tick.
        """
        try:
            return self._begin(is_sampled=is_sampled, is_asked=is_asked)
        except SidecarError:
            self.close()
            return self._begin(is_sampled=is_sampled, is_asked=is_asked)

    def latest(self) -> Snapshot:
        """Return the newest snapshot there is; does not wait. Raises SidecarError."""
        connection = self.connection
        # Reading takes longer than an empty test.
        if system.monotonic_s() - self._read_s > _STALE_S:
            self.read()
        latest = connection.known.tally.latest
        # It begins with one.
        assert latest is not None
        return latest

    def sample(self) -> Snapshot:
        """Take a snapshot now and return it. Raises SidecarError."""
        with self._closing_on_failure():
            self.connection.sample()
        return self.latest()

    def read(self) -> Record:
        """Take in what has been sampled, and return it; does not wait. Raises SidecarError."""
        connection = self.connection
        self._read_s = system.monotonic_s()
        with self._closing_on_failure():
            connection.check()
        return connection.known

    def close(self) -> None:
        """End the sidecar, in whatever state it is."""
        for connection in (self._launched, self._connection):
            if connection is not None:
                with suppress(SidecarError):
                    connection.close()
        self._launched = self._connection = None

    def keep_snapshots(self) -> None:
        """Keep the last snapshots of the test that is running."""
        self.connection.known.keep(KEPT_SNAPSHOTS)

    @contextmanager
    def _closing_on_failure(self) -> Iterator[None]:
        """Close a sidecar that has failed: what comes next starts another one.

        Kept, it would seem to live until the log is read again.
        """
        try:
            yield
        except SidecarError:
            self.close()
            raise

    def _begin(self, *, is_sampled: bool, is_asked: bool) -> Snapshot:
        connection = self.connection
        if is_asked is not self._is_asked:
            self._is_asked = is_asked
            connection.set_pace(0.0 if is_asked else _ALONE_INTERVAL_S)
            # Only the newest snapshot and those of the peaks are kept: a session may take hours.
            connection.known.keep(0)
        if is_sampled:
            connection.restart()
            latest = self.latest()
            since_s = latest.elapsed_s
        else:
            since_s = connection.restart_unsampled()
            latest = self.latest()
        self.started.restart(since_s, [process.key for process in latest.processes])
        return latest

    def _start(self) -> Connection:
        if self._failed_starts >= _MOST_FAILED_STARTS:
            raise SidecarError(self._failure)
        connection, self._launched = self._launched, None
        try:
            connection = connection or self._launch()
            connection.begin(start_request(interval_s=None))
        except SidecarError as error:
            self._failed_starts += 1
            self._failure = str(error)
            raise
        self._connection = connection
        self._is_asked = None
        return connection

    def _launch(self) -> Connection:
        record = Record(FASTEST_S, keep_snapshots=0)
        record.observe = self._observe
        return Connection.start(record, listens=self._recordings is not None)

    def _observe(self, snapshot: Snapshot) -> None:
        self.started.observe(snapshot)
        if self._recordings is not None:
            self._recordings.take(snapshot)


class MemoryProbe:
    """What a test and all that it starts use: the fixture ``memory``.

    Sizes are in bytes, times in seconds. Everything counts from the call of the test: what its
    fixtures set up before is in ``latest`` and in the peaks, but was there at the start. ``mark``
    and ``reset_peak`` block for a millisecond, in async tests too, and raise SidecarError when the
    sidecar has failed.
    """

    def __init__(self, shared: SharedSidecar) -> None:
        self._shared = shared
        shared.keep_snapshots()

    @property
    def pid(self) -> int:
        """PID of the sidecar process."""
        return self._sidecar.pid

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot."""
        return self._sidecar.latest

    @property
    def peak(self) -> Peak | None:
        """The peak since the call of the test began, or since the last ``reset_peak``.

        ``None`` if nothing could be measured.
        """
        return self._sidecar.peak

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks since the call of the test began, oldest first."""
        return self._sidecar.marks

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """The last 1000 snapshots since then, oldest first."""
        return self._sidecar.snapshots

    @property
    def stats(self) -> SamplingStats:
        """The quality of the sampling since then: how many samples, gaps and durations."""
        return self._sidecar.stats

    def mark(self, name: str) -> Mark:
        """Take a sample now and name the instant; the mark has the peak since the one before it."""
        return self._sidecar.mark(name)

    def reset_peak(self) -> None:
        """Begin ``peak`` anew with a sample now; marks keep theirs, and ``max_pss`` goes on."""
        self._sidecar.reset_peak()

    @property
    def _sidecar(self) -> Sidecar:
        return Sidecar(self._shared.connection)
