"""A sidecar as its host sees it: a record of what it has measured, and requests that wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import Enum, auto
from functools import partial
from typing import Final, TypeVar

from memstat.errors import SidecarError
from memstat.results import Mark
from memstat.sidecars import protocol
from memstat.sidecars.log import Log
from memstat.sidecars.protocol import StartRequest
from memstat.sidecars.record import Record
from memstat.sidecars.registry import registry
from memstat.sidecars.requests import Requests
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

    Constructing one starts the sidecar. Its log is read on every request. With
    ``listens`` a thread also reads it meanwhile, so that the sidecar, which keeps what is not read
    only to a bound, drops no snapshot; while the program forks there is no such thread.
    Every wait is bounded. A process that is forked meanwhile has no part in it: there, ``close``
    does nothing and requests raise SidecarError.
    """

    def __init__(
        self,
        record: Record,
        patience_s: float,
        python: str | None = None,
        *,
        listens: bool = False,
    ) -> None:
        self._listens = listens
        self._state = _State.STARTING
        # What begins and what abandons it may be two threads.
        self._state_lock = threading.Lock()
        self._process = SidecarProcess(python)
        self._log = Log(self._process, record)
        self._requests = Requests(self._process, self._log, patience_s)

    @classmethod
    def start(
        cls,
        record: Record,
        *,
        patience_s: float = PATIENCE_S,
        python: str | None = None,
        listens: bool = False,
    ) -> Connection:
        """Start a sidecar that a forked process gives up. Raises SidecarError."""
        return registry.launch(lambda: cls(record, patience_s, python, listens=listens))

    @property
    def pid(self) -> int:
        """PID of the sidecar."""
        # A block begins after it has said hello.
        assert self._process.key is not None
        return self._process.key.pid

    @property
    def record(self) -> Record:
        """What it has measured until now."""
        self._log.go_on_listening()
        self._log.take()
        return self._log.record

    @property
    def known(self) -> Record:
        """What it had measured when the log was last read."""
        return self._log.record

    def reading(self) -> AbstractContextManager[Record]:
        """Give the record to a block during which it does not change."""
        self._log.go_on_listening()
        return self._log.reading()

    def elapsed_s(self) -> float:
        """Return the seconds since the sidecar began to measure."""
        return self._requests.elapsed_s()

    def begin(self, request: StartRequest) -> None:
        """Send the start request and wait for the first snapshot.

        Raises SidecarError when it fails, and when the target ends before it could be measured.
        """
        try:
            self._process.await_hello(PATIENCE_S)
            self._process.write(request.encode())
            # The interpreter has to start as well: that may take longer than an answer.
            self._requests.require(lambda: self.known.tally.latest is not None, PATIENCE_S)
            self._become_open()
        except BaseException:
            self._clean_up()
            raise

    def abandon(self) -> None:
        """Leave nothing behind of ``begin`` in another thread, whether it has returned or not."""
        with self._state_lock:
            was_open = self._state is _State.OPEN
            self._state = _State.CLOSED
        if was_open:
            self._clean_up()
        else:
            # ``begin`` now fails, and cleans up in its thread.
            self._process.kill()

    def mark(self, name: str) -> Mark:
        """Have a sample taken and mark the instant after it. Raises SidecarError."""
        return self._send(protocol.end_phase_request(), partial(self.known.tally.mark, name))

    def sample(self) -> None:
        """Have a sample taken. Raises SidecarError."""
        self._send(protocol.end_phase_request(), lambda _: None)

    def reset_peak(self) -> None:
        """Begin the peak anew, with a sample now. Raises SidecarError."""
        self._send(protocol.begin_phase_request(), self.known.tally.reset)

    def restart(self) -> None:
        """Begin the whole record anew, with a sample now. Raises SidecarError."""
        self._send(protocol.begin_phase_request(), self.known.restart)

    def set_pace(self, alone_interval_s: float) -> None:
        """Have a target that has no descendants sampled no more often. Does not wait."""
        self._check_open()
        self._process.write(protocol.pace_request(alone_interval_s))

    def restart_unsampled(self) -> float:
        """Begin the whole record anew without a sample and without waiting; return when.

        Snapshots that began before are not counted, whenever they arrive. Raises SidecarError.
        """
        self._check_open()
        elapsed_s = self.elapsed_s()
        self.known.restart(elapsed_s)
        return elapsed_s

    def check(self) -> None:
        """Raise SidecarError if it is known that no more samples come from a living target."""
        self._check_open()
        if not self.record.has_ended and self._log.has_closed:
            self._requests.require(lambda: False, 0.0)

    def close(self) -> None:
        """Have a last sample taken, and end the sidecar. One that has not begun is ended as it is.

        Raises SidecarError when the sidecar has failed, now or before.
        """
        if self._log.is_forked_copy or self._state is _State.CLOSED:
            return
        try:
            if self._state is _State.OPEN and not self.record.has_ended:
                self._process.write(protocol.stop_request())
                self._requests.require(lambda: self.known.has_ended)
        finally:
            self._clean_up()

    def disown(self) -> None:
        """Give up the sidecar in a forked process, while the parent goes on with it."""
        self._state_lock = threading.Lock()
        self._log.disown()
        self._process.disown()

    def _become_open(self) -> None:
        with self._state_lock:
            if self._state is not _State.STARTING:
                raise SidecarError("the sidecar was abandoned before it had begun")
            self._state = _State.OPEN
            if self._listens:
                self._log.listen()

    def _send(self, line: bytes, act: Callable[[float], T]) -> T:
        self._check_open()
        self._log.go_on_listening()
        return self._requests.send(line, act)

    def _check_open(self) -> None:
        if self._log.is_forked_copy:
            owner = self._log.owner_pid
            raise SidecarError(f"this sidecar belongs to process {owner}, not to its fork")
        if self._state is not _State.OPEN:
            raise SidecarError("this sidecar has ended: its block was left")

    def _clean_up(self) -> None:
        """Leave no process, no thread and no descriptor, whatever state they are in."""
        self._state = _State.CLOSED
        if not self.known.has_ended:
            self._process.kill()
        self._log.stop_listening()
        self._process.close()
