"""A sidecar process as its host sees it: its log is read by a thread, requests wait for it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from memstat.errors import SidecarError
from memstat.model import Mark
from memstat.report.jsonlines import snapshot_from
from memstat.sidecars import protocol
from memstat.sidecars.launch import start_process
from memstat.sidecars.protocol import StartOrder
from memstat.sidecars.record import Record
from memstat.sidecars.registry import registry
from memstat.text import printable, signal_name

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""How long any answer may take; it takes milliseconds, but machines can be very busy."""
_END_PATIENCE_S: Final = 5.0
_READ_BYTES: Final = 1 << 16
_LINES_OF_DISTRESS: Final = 20


class Connection:
    """Starts a sidecar, keeps the record of what it tells, and ends it.

    Its waits are bounded. A process forked meanwhile has no part in it: there, ``close`` does
    nothing and requests fail.
    """

    def __init__(self, record: Record, *, patience_s: float = PATIENCE_S) -> None:
        self.record = record
        self.changed = threading.Condition()
        """Guards the record; notified of every change."""
        self._patience_s = patience_s
        self._owner = os.getpid()
        self._requests = 0
        self._is_open = False
        self._is_over = False
        self._is_abandoned = False
        self._failure: str | None = None
        self._distress: deque[bytes] = deque(maxlen=_LINES_OF_DISTRESS)
        self._process: subprocess.Popen[bytes] | None = None
        self._listener = threading.Thread(target=self._listen, name="memstat sidecar", daemon=True)

    @property
    def pid(self) -> int:
        """PID of the sidecar."""
        assert self._process is not None
        return self._process.pid

    def open(self, order: StartOrder) -> None:
        """Start the sidecar and wait for the first snapshot, or for the end of the target.

        Raises SidecarError.
        """
        self._process = registry.launch(self, start_process)
        try:
            self._listener.start()
            self._send(order.encode())
            self._wait(lambda: self.record.latest is not None)
            self._begin()
        except BaseException:
            self._clean_up()
            raise

    def abandon(self) -> None:
        """Leave nothing behind of an ``open`` in another thread, whether it goes on or is done."""
        with self.changed:
            self._is_abandoned = True
        if self._is_open:
            self._clean_up()
        elif self._process is not None:
            self._kill()

    def mark(self, name: str) -> Mark:
        """Let it take a sample now and mark the instant. Raises SidecarError."""
        marks: list[Mark] = []

        def mark(elapsed_s: float) -> None:
            marks.append(self.record.phases.mark(name, elapsed_s))

        self._request(protocol.end_phase_request(), mark)
        return marks[0]

    def reset_peak(self) -> None:
        """Begin the peak anew, with a sample now. Raises SidecarError."""

        def reset(elapsed_s: float) -> None:
            self.record.phases.reset(elapsed_s)

        self._request(protocol.begin_phase_request(), reset)

    def restart(self) -> None:
        """Begin the whole record anew, with a sample now. Raises SidecarError."""
        self._request(protocol.begin_phase_request(), self.record.restart)

    def close(self) -> None:
        """Let it take a last sample and end. Raises SidecarError when it failed, now or before."""
        if os.getpid() != self._owner or not self._is_open:
            return
        try:
            if not self.record.has_ended:
                self._send(protocol.stop_request())
                self._wait(lambda: self.record.has_ended)
        finally:
            self._clean_up()

    def disown(self) -> None:
        """Forget it, in a forked child; its pipes must end with the parent's copies of them."""
        self.changed = threading.Condition()
        if self._process is not None:
            self._close_pipes(self._process)
            # Not ours to wait for, nor to warn about.
            self._process.returncode = 0

    def _begin(self) -> None:
        with self.changed:
            if self._is_abandoned:
                raise SidecarError("the sidecar was given up before it had begun")
            self._is_open = True

    def _request(self, line: bytes, act: Callable[[float], object]) -> None:
        """Send a request and wait until it is done; ``act`` at its boundary in the log."""
        if os.getpid() != self._owner:
            raise SidecarError(f"this sidecar belongs to process {self._owner}, not to its fork")
        if not self._is_open:
            raise SidecarError("this sidecar has ended: its block was left")
        with self.changed:
            if self.record.has_ended:
                act(time.monotonic() - self.record.started_s)
                return
            self._requests += 1
            number = self._requests
            self.record.at_boundary(act)
            self._send(line)
        self._wait(lambda: self.record.done >= number or self.record.has_ended)
        if self.record.done < number:
            # It ended before it came to this one.
            act(time.monotonic() - self.record.started_s)

    def _send(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        # Where it has ended, its log says how.
        with suppress(OSError):
            self._process.stdin.write(line)

    def _wait(self, met: Callable[[], bool]) -> None:
        with self.changed:
            self.changed.wait_for(lambda: met() or self._is_over, self._patience_s)
            if met():
                return
        if self._failure is None:
            self._failure = self._reason()
            # One that does not answer now is not waited for again.
            self._kill()
        raise SidecarError(self._failure)

    def _kill(self) -> None:
        assert self._process is not None
        self._process.kill()

    def _reason(self) -> str:
        """Say why what was waited for did not come."""
        if self.record.failure is not None:
            return f"the sidecar failed: {self.record.failure}"
        if self.record.has_ended:
            return "the target ended before it could be measured"
        if not self._is_over:
            return f"the sidecar did not answer within {self._patience_s:g} s"
        status = self._status()
        if status is not None and status < 0:
            return f"the sidecar was killed by {signal_name(-status)}"
        last_words = printable((self._distress or [b""])[-1].decode("utf-8", "replace"))
        return f"the sidecar ended too early: {last_words or f'exit status {status}'}"

    def _status(self) -> int | None:
        assert self._process is not None
        try:
            return self._process.wait(_END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            return None

    def _clean_up(self) -> None:
        """Leave no process, no thread and no descriptor, whatever state they are in."""
        assert self._process is not None
        self._is_open = False
        if not self.record.has_ended:
            self._kill()
        if self._listener.ident is not None:
            self._listener.join(_END_PATIENCE_S)
        self._status()
        # A descriptor that is being read must not come to mean another file.
        if not self._listener.is_alive():
            self._close_pipes(self._process)

    def _close_pipes(self, process: subprocess.Popen[bytes]) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        unfinished = b""
        try:
            while data := os.read(self._process.stdout.fileno(), _READ_BYTES):
                *lines, unfinished = (unfinished + data).split(b"\n")
                for line in lines:
                    self._take(line)
        finally:
            with self.changed:
                self._is_over = True
                self.changed.notify_all()

    def _take(self, line: bytes) -> None:
        message = protocol.decode(line)
        if message is None:
            self._distress.append(line)
        elif message["kind"] == "snapshot":
            snapshot = registry.without_sidecars(snapshot_from(message))
            self._note(self.record.take_snapshot, snapshot)
        else:
            self._note(self.record.take, message)

    def _note(self, take: Callable[[T], None], news: T) -> None:
        with self.changed:
            take(news)
            self.changed.notify_all()
