"""A sidecar as its host sees it: a record of what it has measured, and requests that wait."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import partial
from typing import Any, Final, TypeVar

from memstat.errors import SidecarError
from memstat.model import Mark
from memstat.report.jsonlines import snapshot_from
from memstat.sidecars import protocol
from memstat.sidecars.protocol import StartRequest
from memstat.sidecars.record import Record
from memstat.sidecars.registry import registry
from memstat.sidecars.sidecar_process import SidecarProcess

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""How long any answer may take. It takes milliseconds, but a machine can be very busy."""


class _State(Enum):
    """How far a connection has come."""

    STARTING = auto()
    """There is no snapshot yet."""
    OPEN = auto()
    """Requests can be sent."""
    CLOSED = auto()
    """The block has been left or abandoned."""


class Connection:
    """A sidecar that has been started, what it has measured, and how to end it.

    Constructing one starts the sidecar. Every wait is bounded. A process that is forked meanwhile
    has no part in it: there, ``close`` does nothing and requests raise SidecarError.
    """

    def __init__(self, record: Record, patience_s: float) -> None:
        self.record = record
        self.changed = threading.Condition()
        """Guards the record; notified of every change."""
        self._patience_s = patience_s
        self._owner_pid = os.getpid()
        self._state = _State.STARTING
        self._failure: str | None = None
        self._requests = 0
        # The last attribute: from here on another thread calls this object.
        self._process = SidecarProcess(self._take, self._notify)

    @classmethod
    def start(cls, record: Record, *, patience_s: float = PATIENCE_S) -> Connection:
        """Start a sidecar that other sidecars of this process do not count. Raises SidecarError."""
        return registry.launch(lambda: cls(record, patience_s))

    @property
    def pid(self) -> int:
        """PID of the sidecar."""
        return self._process.pid

    def begin(self, request: StartRequest) -> None:
        """Send the start request and wait for the first snapshot.

        Raises SidecarError when it fails, and when the target ends before it could be measured.
        """
        try:
            self._process.write(request.encode())
            # The interpreter has to start as well: that may take longer than an answer.
            self._wait(lambda: self.record.tally.latest is not None, PATIENCE_S)
            self._become_open()
        except BaseException:
            self._clean_up()
            raise

    def abandon(self) -> None:
        """Leave nothing behind of ``begin`` in another thread, whether it has returned or not."""
        with self.changed:
            was_open = self._state is _State.OPEN
            self._state = _State.CLOSED
        if was_open:
            self._clean_up()
        else:
            # ``begin`` now fails, and cleans up in its thread.
            self._process.kill()

    def mark(self, name: str) -> Mark:
        """Have a sample taken and mark the instant after it. Raises SidecarError."""
        return self._request(protocol.end_phase_request(), partial(self.record.tally.mark, name))

    def reset_peak(self) -> None:
        """Begin the peak anew, with a sample now. Raises SidecarError."""
        self._request(protocol.begin_phase_request(), self.record.tally.reset)

    def restart(self) -> None:
        """Begin the whole record anew, with a sample now. Raises SidecarError."""
        self._request(protocol.begin_phase_request(), self.record.restart)

    def close(self) -> None:
        """Have a last sample taken, and end the sidecar.

        Raises SidecarError when the sidecar has failed, now or before.
        """
        if self._is_forked_copy or self._state is not _State.OPEN:
            return
        try:
            if not self.record.has_ended:
                self._process.write(protocol.stop_request())
                self._wait(lambda: self.record.has_ended, self._patience_s)
        finally:
            self._clean_up()

    def disown(self) -> None:
        """Give up the sidecar in a forked process, while the parent goes on with it."""
        # Another thread of the parent may have held the lock; it does not exist here.
        self.changed = threading.Condition()
        self._process.disown()

    @property
    def _is_forked_copy(self) -> bool:
        return os.getpid() != self._owner_pid

    def _become_open(self) -> None:
        with self.changed:
            if self._state is not _State.STARTING:
                raise SidecarError("the sidecar was abandoned before it had begun")
            self._state = _State.OPEN

    def _request(self, line: bytes, act: Callable[[float], T]) -> T:
        """Send a request; return what ``act`` returned, called at the boundary in the log."""
        self._check_open()
        results: list[T] = []
        with self.changed:
            if self.record.has_ended:
                return act(self._elapsed_s())
            self._requests += 1
            number = self._requests
            self.record.at_boundary(lambda at_s: results.append(act(at_s)))
            self._process.write(line)
        self._wait(lambda: self.record.done >= number or self.record.has_ended, self._patience_s)
        # Without a result the target has ended before the sidecar came to this request.
        return results[0] if results else act(self._elapsed_s())

    def _check_open(self) -> None:
        if self._is_forked_copy:
            raise SidecarError(
                f"this sidecar belongs to process {self._owner_pid}, not to its fork"
            )
        if self._state is not _State.OPEN:
            raise SidecarError("this sidecar has ended: its block was left")

    def _elapsed_s(self) -> float:
        return time.monotonic() - self.record.started_s

    def _wait(self, is_met: Callable[[], bool], patience_s: float) -> None:
        with self.changed:
            self.changed.wait_for(lambda: is_met() or self._process.has_closed_log, patience_s)
            if is_met():
                return
        if self._failure is None:
            self._failure = self._describe_failure(patience_s)
            # A sidecar that does not answer now is not waited for again.
            self._process.kill()
        raise SidecarError(self._failure)

    def _describe_failure(self, patience_s: float) -> str:
        if self.record.failure is not None:
            return f"the sidecar failed: {self.record.failure}"
        if self.record.has_ended:
            return "the target ended before it could be measured"
        if not self._process.has_closed_log:
            return f"the sidecar did not answer within {patience_s:g} s"
        return self._process.describe_end()

    def _clean_up(self) -> None:
        """Leave no process, no thread and no descriptor, whatever state they are in."""
        self._state = _State.CLOSED
        if not self.record.has_ended:
            self._process.kill()
        self._process.close()

    def _take(self, message: Mapping[str, Any]) -> None:
        if message["kind"] == "snapshot":
            # Not under the lock: a large snapshot takes a while.
            snapshot = registry.without_sidecars(snapshot_from(message))
            take = partial(self.record.take_snapshot, snapshot)
        else:
            take = partial(self.record.take, message)
        with self.changed:
            take()
            self.changed.notify_all()

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()
