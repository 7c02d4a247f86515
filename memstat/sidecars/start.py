"""What a sidecar is to measure."""

from __future__ import annotations

from memstat.proc.own import key_of
from memstat.proc.system import system
from memstat.sampling.policy import GENTLE, Policy
from memstat.sidecars.protocol import StartRequest


def start_request(
    pid: int | None = None,
    *,
    recursive: bool = True,
    interval_s: float | None,
    policy: Policy = GENTLE,
) -> StartRequest:
    """Return the request to measure a process, this one by default.

    Raises NoSuchProcess or NotAProcess for a ``pid`` that is no process.
    """
    host = key_of(system.getpid())
    if host is None or pid is not None:
        from memstat.proc.linux import LinuxProcSource  # noqa: PLC0415 - seldom needed

        # Says what is wrong with either.
        target = LinuxProcSource().require(system.getpid() if pid is None else pid).key
    else:
        target = host
    return StartRequest(target, host or target, recursive, interval_s, policy)
