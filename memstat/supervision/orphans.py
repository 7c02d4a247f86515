"""Orphans that a subreaper adopts: how they differ from its own children."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from memstat.model import Identity, ProcessKey
from memstat.proc.source import ProcSource, identify_if_readable


class OwnChildren:
    """The processes that memstat has started in this program. For any thread.

    They are children of this process, as adopted orphans are: the two must be kept apart.
    """

    def __init__(self) -> None:
        self._pids: set[int] = set()
        self._starting = 0
        self._settled = threading.Condition()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Around the start of a process, up to ``add``: its PID is not known yet."""
        with self._settled:
            self._starting += 1
        try:
            yield
        finally:
            with self._settled:
                self._starting -= 1
                self._settled.notify_all()

    def add(self, pid: int) -> None:
        self._pids.add(pid)

    def discard(self, pid: int) -> None:
        self._pids.discard(pid)

    def include(self, pid: int) -> bool:
        """Whether a child of this process is one of them. Waits while one is being started."""
        with self._settled:
            self._settled.wait_for(lambda: self._starting == 0)
            return pid in self._pids


OWN_CHILDREN: Final = OwnChildren()


def orphan_test(source: ProcSource) -> Callable[[Identity], bool]:
    """Return whether a process was adopted by this one, as a function of its identity. Blocking.

    The children that this process has now are the host program's, and no orphans.
    """
    me = os.getpid()
    identities = (identify_if_readable(source, pid) for pid in source.list_processes())
    own = {
        ProcessKey(child.pid, child.start_ticks)
        for child in identities
        if child is not None and child.ppid == me
    }

    def is_orphan(identity: Identity) -> bool:
        return (
            identity.ppid == me
            and ProcessKey(identity.pid, identity.start_ticks) not in own
            and not OWN_CHILDREN.include(identity.pid)
        )

    return is_orphan
