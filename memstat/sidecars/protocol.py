"""What a sidecar and its host say to each other: a line of JSON each. Pure.

The host begins with the start order, then sends requests. The sidecar answers with a log: it tells
when its clock started, each snapshot, and where among them a phase ended. What the host calls it
stays with the host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memstat.model import ProcessKey, Snapshot
from memstat.report import jsonlines


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What a sidecar is told first."""

    target: ProcessKey
    """Whom to measure."""
    host: ProcessKey
    """Whom it serves and must not outlive."""
    recursive: bool
    """Whether descendants count."""
    interval_s: float
    """The time between two ticks."""

    def encode(self) -> bytes:
        """Return its line."""
        return _encode(
            target=[self.target.pid, self.target.start_ticks],
            host=[self.host.pid, self.host.start_ticks],
            recursive=self.recursive,
            interval_s=self.interval_s,
        )

    @classmethod
    def decode(cls, line: bytes) -> StartRequest:
        r"""Return the order of a line.

        >>> order = StartRequest(ProcessKey(7, 1), ProcessKey(8, 2), True, 0.05)
        >>> StartRequest.decode(order.encode()) == order
        True
        """
        value = json.loads(line)
        return cls(
            ProcessKey(*value["target"]),
            ProcessKey(*value["host"]),
            value["recursive"],
            value["interval_s"],
        )


def end_phase_request() -> bytes:
    """Ask for a sample now, then a boundary."""
    return _encode(kind="end phase")


def begin_phase_request() -> bytes:
    """Ask for a boundary, then a sample now."""
    return _encode(kind="begin phase")


def stop_request() -> bytes:
    """Ask for a last sample, then the end."""
    return _encode(kind="stop")


def started(monotonic_s: float) -> bytes:
    """Tell the instant of CLOCK_MONOTONIC that ``elapsed_s`` counts from."""
    return _encode(kind="started", monotonic_s=monotonic_s)


def snapshot(value: Snapshot) -> bytes:
    """Tell a snapshot, in the form that the README documents."""
    return f"{jsonlines.line(jsonlines.snapshot_object(value))}\n".encode("ascii")


def boundary(elapsed_s: float) -> bytes:
    """Tell that a phase ends and another begins here in the log."""
    # Rounded as in snapshots, since the one is compared with the other.
    return _encode(kind="boundary", elapsed_s=round(elapsed_s, 6))


def done() -> bytes:
    """Tell that one more request is done."""
    return _encode(kind="done")


def failed(message: str) -> bytes:
    """Tell why the sidecar cannot go on."""
    return _encode(kind="failed", message=message)


def end() -> bytes:
    """Tell that the log ends here, and as it should."""
    return _encode(kind="end")


def decode(line: bytes) -> Mapping[str, Any] | None:
    r"""Return the message of a line; ``None`` when it is none, but what Python said in distress.

    >>> decode(b'{"kind":"done"}'), decode(b"Traceback")
    ({'kind': 'done'}, None)
    """
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "kind" in value else None


def _encode(**fields: object) -> bytes:
    return json.dumps(fields).encode("ascii") + b"\n"
