"""Requests to a sidecar, which wait for its answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from memstat.errors import SidecarError
from memstat.proc.system import system
from memstat.sidecars.log import Log
from memstat.sidecars.sidecar_process import SidecarProcess

T = TypeVar("T")


class Requests:
    """Sends requests and finds their answers in the log. Every wait is bounded.

    A sidecar that has failed once is not waited for again.
    """

    def __init__(self, process: SidecarProcess, log: Log, patience_s: float) -> None:
        self._process = process
        self._log = log
        self._patience_s = patience_s
        self._sent = 0
        self._failure: str | None = None

    def send(self, line: bytes, act: Callable[[float], T]) -> T:
        """Send a request; return what ``act`` returned, called at the boundary in the log.

        Raises SidecarError when the sidecar has failed or does not answer.
        """
        results: list[T] = []
        with self._log.reading() as record:
            if record.has_ended:
                return act(self.elapsed_s())
            self._sent += 1
            number = self._sent
            record.at_boundary(lambda at_s: results.append(act(at_s)))
            self._process.write(line)
        self.require(lambda: record.done >= number or record.has_ended)
        # Without a result the target has ended before the sidecar came to this request.
        return results[0] if results else act(self.elapsed_s())

    def require(self, is_met: Callable[[], bool], patience_s: float | None = None) -> None:
        """Wait until a condition of the record is met. Raises SidecarError when it is not."""
        if patience_s is None:
            patience_s = self._patience_s
        if self._log.wait(is_met, patience_s):
            return
        if self._failure is None:
            self._failure = self._describe_failure(patience_s)
            self._process.kill()
        raise SidecarError(self._failure)

    def elapsed_s(self) -> float:
        """Return the seconds since the sidecar began to measure."""
        return system.monotonic_s() - self._log.record.started_s

    def _describe_failure(self, patience_s: float) -> str:
        record = self._log.record
        if record.failure is not None:
            return f"the sidecar failed: {record.failure}"
        if record.has_ended:
            return "the target ended before it could be measured"
        if not self._log.has_closed:
            return f"the sidecar did not answer within {patience_s:g} s"
        return self._process.describe_end()
