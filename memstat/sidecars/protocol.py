"""The messages between a sidecar and its host, one line of JSON each. Pure.

The sidecar first says which process it is. The host sends the start request, then others. The
sidecar writes a log: when its clock started, each snapshot, and where among them a phase ended. The
names of phases stay with the host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from memstat.jsonlines import line, snapshot_object
from memstat.model import ProcessKey, Snapshot
from memstat.sampling.policy import GENTLE, Policy


class StartRequest(NamedTuple):
    """The first line that a sidecar reads."""

    target: ProcessKey
    """The process to measure."""
    host: ProcessKey
    """The process that started it, which it must not outlive."""
    recursive: bool
    """Whether descendants are measured as well."""
    interval_s: float | None
    """Seconds between two ticks; ``None``: as a small part of a core allows."""
    policy: Policy = GENTLE
    """How much processes may be held up."""

    def encode(self) -> bytes:
        """Return it as a line."""
        return _encode(
            target=[self.target.pid, self.target.start_ticks],
            host=[self.host.pid, self.host.start_ticks],
            recursive=self.recursive,
            interval_s=self.interval_s,
            budget=self.policy.budget,
            exact=self.policy.exact,
        )

    @classmethod
    def decode(cls, line: bytes) -> StartRequest:
        r"""Return the request that a line holds.

        >>> request = StartRequest(ProcessKey(7, 1), ProcessKey(8, 2), True, 0.05)
        >>> StartRequest.decode(request.encode()) == request
        True
        """
        value = json.loads(line)
        return cls(
            ProcessKey(*value["target"]),
            ProcessKey(*value["host"]),
            value["recursive"],
            value["interval_s"],
            Policy(value["budget"], value["exact"]),
        )


def end_phase_request() -> bytes:
    """Request a sample now, then a boundary."""
    return _encode(kind="end phase")


def begin_phase_request() -> bytes:
    """Request a boundary, then a sample now."""
    return _encode(kind="begin phase")


def pace_request(alone_interval_s: float) -> bytes:
    """Request that a target without descendants is sampled no more often. Nothing answers."""
    return _encode(kind="pace", alone_interval_s=alone_interval_s)


def stop_request() -> bytes:
    """Request a last sample, then the end."""
    return _encode(kind="stop")


def hello(key: ProcessKey) -> bytes:
    """Report that this is a sidecar, and which process it is."""
    return _encode(kind="hello", pid=key.pid, start_ticks=key.start_ticks)


def started(monotonic_s: float) -> bytes:
    """Report the instant of CLOCK_MONOTONIC from which ``elapsed_s`` counts."""
    return _encode(kind="started", monotonic_s=monotonic_s)


def snapshot(value: Snapshot) -> bytes:
    """Report a snapshot, in the documented JSON form."""
    return f"{line(snapshot_object(value))}\n".encode("ascii")


def boundary(elapsed_s: float) -> bytes:
    """Report that one phase ends and another begins here in the log."""
    # Rounded like the time of a snapshot, with which it is compared.
    return _encode(kind="boundary", elapsed_s=round(elapsed_s, 6))


def interval(elapsed_s: float, interval_s: float) -> bytes:
    """Report that ticks are this far apart from now on."""
    return _encode(kind="interval", elapsed_s=round(elapsed_s, 6), interval_s=interval_s)


def done() -> bytes:
    """Report that one more request is done."""
    return _encode(kind="done")


def failed(message: str) -> bytes:
    """Report why the sidecar cannot go on."""
    return _encode(kind="failed", message=message)


def end() -> bytes:
    """Report that the log ends here, as it should."""
    return _encode(kind="end")


def decode(line: bytes) -> Mapping[str, Any] | None:
    r"""Return the message of a line; ``None`` for a line that Python wrote to stderr.

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
