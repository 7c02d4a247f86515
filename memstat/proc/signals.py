"""Signals for one certain process, never for another that got its PID."""

from __future__ import annotations

import os
import signal

from memstat.model import ProcessKey
from memstat.proc.source import ProcSource


def is_alive(source: ProcSource, key: ProcessKey) -> bool:
    """Whether this very process still runs; a zombie does not."""
    identity = source.identify(key.pid)
    return identity is not None and identity.start_ticks == key.start_ticks and identity.is_alive


def send_signal(source: ProcSource, key: ProcessKey, signum: int) -> bool:
    """Send a signal; False when the process has ended or is not ours to signal."""
    try:
        # Held open before the check, the pidfd cannot come to mean another process (pidfd_open(2)).
        pidfd = os.pidfd_open(key.pid)
    except ProcessLookupError:
        return False
    except OSError:
        return _check_and_kill(source, key, signum)
    try:
        if not is_alive(source, key):
            return False
        signal.pidfd_send_signal(pidfd, signum)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(pidfd)
    return True


def _check_and_kill(source: ProcSource, key: ProcessKey, signum: int) -> bool:
    # Kernels before 5.3, and sandboxes that forbid pidfds.
    try:
        if not is_alive(source, key):
            return False
        os.kill(key.pid, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True
