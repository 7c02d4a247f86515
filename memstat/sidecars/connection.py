"""A sidecar as its host sees it: a record of what it has measured, and requests that wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from functools import partial
from typing import Final, TypeVar

from memstat.errors import SidecarError
from memstat.model import Mark
from memstat.proc.system import system
from memstat.report.jsonlines import snapshot_from
from memstat.sidecars import protocol
from memstat.sidecars.protocol import StartRequest
from memstat.sidecars.record import Record
from memstat.sidecars.registry import registry
from memstat.sidecars.sidecar_process import SidecarProcess

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""How long any answer may take. It takes milliseconds, but a machine can be very busy."""
_LOOK_S: Final = 0.05
"""How often to look whether another thread of the program has read what one waits for."""
_LISTEN_S: Final = 0.5
"""How often a listener of a silent log checks whether the block was left."""


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
    only to a bound, drops no snapshot. Without it there is no thread, and the program may fork.
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
        self._record = record
        self._changed = threading.Condition()
        """Guards the record; the listener notifies waiters of each change."""
        self._listens = listens
        self._listener: threading.Thread | None = None
        self._patience_s = patience_s
        self._owner_pid = system.getpid()
        self._state = _State.STARTING
        self._failure: str | None = None
        self._requests = 0
        self._process = SidecarProcess(python)

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
        self._pump()
        return self._record

    @property
    def known(self) -> Record:
        """What it had measured when the log was last read."""
        return self._record

    @contextmanager
    def reading(self) -> Iterator[Record]:
        """Give the record to a block during which it does not change."""
        with self._changed:
            self._pump()
            yield self._record

    def begin(self, request: StartRequest) -> None:
        """Send the start request and wait for the first snapshot.

        Raises SidecarError when it fails, and when the target ends before it could be measured.
        """
        try:
            self._process.await_hello(PATIENCE_S)
            self._process.write(request.encode())
            # The interpreter has to start as well: that may take longer than an answer.
            self._wait(lambda: self._record.tally.latest is not None, PATIENCE_S)
            self._become_open()
        except BaseException:
            self._clean_up()
            raise

    def abandon(self) -> None:
        """Leave nothing behind of ``begin`` in another thread, whether it has returned or not."""
        with self._changed:
            was_open = self._state is _State.OPEN
            self._state = _State.CLOSED
        if was_open:
            self._clean_up()
        else:
            # ``begin`` now fails, and cleans up in its thread.
            self._process.kill()

    def mark(self, name: str) -> Mark:
        """Have a sample taken and mark the instant after it. Raises SidecarError."""
        return self._request(protocol.end_phase_request(), partial(self._record.tally.mark, name))

    def sample(self) -> None:
        """Have a sample taken. Raises SidecarError."""
        self._request(protocol.end_phase_request(), lambda _: None)

    def reset_peak(self) -> None:
        """Begin the peak anew, with a sample now. Raises SidecarError."""
        self._request(protocol.begin_phase_request(), self._record.tally.reset)

    def restart(self) -> None:
        """Begin the whole record anew, with a sample now. Raises SidecarError."""
        self._request(protocol.begin_phase_request(), self._record.restart)

    def set_pace(self, alone_interval_s: float) -> None:
        """Have a target that has no descendants sampled no more often. Does not wait."""
        self._check_open()
        self._process.write(protocol.pace_request(alone_interval_s))

    def restart_unsampled(self) -> float:
        """Begin the whole record anew without a sample and without waiting; return when.

        Snapshots that began before are not counted, whenever they arrive. Raises SidecarError.
        """
        self._check_open()
        with self._changed:
            elapsed_s = self.elapsed_s()
            self._record.restart(elapsed_s)
        return elapsed_s

    def check(self) -> None:
        """Raise SidecarError if it is known that no more samples come from a living target."""
        self._check_open()
        self._pump()
        if self._process.has_closed_log and not self._record.has_ended:
            self._wait(lambda: False, 0.0)

    def close(self) -> None:
        """Have a last sample taken, and end the sidecar.

        Raises SidecarError when the sidecar has failed, now or before.
        """
        if self._is_forked_copy or self._state is _State.CLOSED:
            return
        try:
            if self._state is _State.STARTING:
                return
            self._pump()
            if not self._record.has_ended:
                self._process.write(protocol.stop_request())
                self._wait(lambda: self._record.has_ended, self._patience_s)
        finally:
            self._clean_up()

    def disown(self) -> None:
        """Give up the sidecar in a forked process, while the parent goes on with it."""
        # Another thread of the parent may have held the lock; it does not exist here.
        self._changed = threading.Condition()
        self._listener = None
        self._process.disown()

    @property
    def _is_forked_copy(self) -> bool:
        return system.getpid() != self._owner_pid

    def _become_open(self) -> None:
        with self._changed:
            if self._state is not _State.STARTING:
                raise SidecarError("the sidecar was abandoned before it had begun")
            self._state = _State.OPEN
            if self._listens:
                self._start_listener()

    def _start_listener(self) -> None:
        listener = threading.Thread(target=self._listen, name="memstat sidecar", daemon=True)
        # Where no thread can be started, the log is read on request.
        with suppress(RuntimeError):
            listener.start()
            self._listener = listener

    def _listen(self) -> None:
        while self._state is _State.OPEN and not self._process.has_closed_log:
            self._process.wait(_LISTEN_S)
            with self._changed:
                self._pump()
                self._changed.notify_all()

    def _request(self, line: bytes, act: Callable[[float], T]) -> T:
        """Send a request; return what ``act`` returned, called at the boundary in the log."""
        self._check_open()
        results: list[T] = []
        with self._changed:
            self._pump()
            if self._record.has_ended:
                return act(self.elapsed_s())
            self._requests += 1
            number = self._requests
            self._record.at_boundary(lambda at_s: results.append(act(at_s)))
            self._process.write(line)
        self._wait(lambda: self._record.done >= number or self._record.has_ended, self._patience_s)
        # Without a result the target has ended before the sidecar came to this request.
        return results[0] if results else act(self.elapsed_s())

    def _check_open(self) -> None:
        if self._is_forked_copy:
            raise SidecarError(
                f"this sidecar belongs to process {self._owner_pid}, not to its fork"
            )
        if self._state is not _State.OPEN:
            raise SidecarError("this sidecar has ended: its block was left")

    def elapsed_s(self) -> float:
        """Return the seconds since the sidecar began to measure."""
        return system.monotonic_s() - self._record.started_s

    def _wait(self, is_met: Callable[[], bool], patience_s: float) -> None:
        until_s = system.monotonic_s() + patience_s
        while True:
            with self._changed:
                self._pump()
                if is_met():
                    return
                left_s = until_s - system.monotonic_s()
                if self._process.has_closed_log or left_s <= 0:
                    break
                is_heard = self._listener is not None
                if is_heard:
                    # What comes from here on is read by the listener, or on another request.
                    self._changed.wait(min(left_s, _LOOK_S))
            if not is_heard:
                # Not under the lock: others may look at the record meanwhile.
                self._process.wait(min(left_s, _LOOK_S))
        if self._failure is None:
            self._failure = self._describe_failure(patience_s)
            # A sidecar that does not answer now is not waited for again.
            self._process.kill()
        raise SidecarError(self._failure)

    def _describe_failure(self, patience_s: float) -> str:
        if self._record.failure is not None:
            return f"the sidecar failed: {self._record.failure}"
        if self._record.has_ended:
            return "the target ended before it could be measured"
        if not self._process.has_closed_log:
            return f"the sidecar did not answer within {patience_s:g} s"
        return self._process.describe_end()

    def _clean_up(self) -> None:
        """Leave no process, no thread and no descriptor, whatever state they are in."""
        self._state = _State.CLOSED
        if not self._record.has_ended:
            self._process.kill()
        if self._listener is not None:
            # The number of a descriptor that it waits for must not be used for another file.
            self._listener.join()
        self._process.close()

    def _pump(self) -> None:
        """Take in what the log has now."""
        if self._is_forked_copy:
            return
        with self._changed:
            for message in self._process.messages():
                if message["kind"] == "snapshot":
                    self._record.take_snapshot(snapshot_from(message))
                else:
                    self._record.take(message)
