"""What this process holds, to check that a sidecar leaves nothing behind."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psutil

from memstat.sidecars.launch import NAME

LONG_S = 30


class Held(NamedTuple):
    """How many of each a process has that a sidecar adds to."""

    descriptors: int
    threads: int
    """Threads that are not kept for the next work."""
    children: int
    """Child processes, including zombies."""
    sidecars: int
    """Sidecars of this process that are running, which are not its children."""


def held() -> Held:
    """Return what this process holds now."""
    threads = [t for t in threading.enumerate() if "AnyIO" not in t.name and "Trio" not in t.name]
    return Held(
        len(os.listdir("/proc/self/fd")),
        len(threads),
        len(psutil.Process().children()),
        sum(is_sidecar_of_ours(process) for process in psutil.process_iter()),
    )


def is_sidecar_of_ours(process: psutil.Process) -> bool:
    """Whether a process is a running sidecar that this process started."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE or process.name() != NAME:
            return False
        # Empty where it has ended just now.
        return process.cmdline()[-1:] == [str(os.getpid())]
    except psutil.NoSuchProcess:
        return False


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended need not have been waited for."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def end_of(pid: int) -> Iterator[Callable[[], None]]:
    """Yield a function that waits for the end of a process, which need not be a child."""
    pidfd = os.pidfd_open(pid)

    def wait() -> None:
        readable, _, _ = select.select([pidfd], [], [], LONG_S)
        assert readable, f"process {pid} is still running"

    try:
        yield wait
    finally:
        os.close(pidfd)
