"""The sidecars of this process: none of them counts in the total of another."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol, TypeVar

from memstat.model import ProcessKey, Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.proc.source import identify_if_readable
from memstat.sampling.sweep import add_up, is_complete


class Owned(Protocol):
    """A sidecar that belongs to the process which started it, not to those it forks."""

    @property
    def pid(self) -> int:
        """PID of the sidecar."""
        ...

    def disown(self) -> None:
        """Give it up in a forked process, without harm to the parent. Called after the fork."""
        ...


OwnedT = TypeVar("OwnedT", bound=Owned)


class Registry:
    """Remembers every sidecar that this process ever started, by an identity that never recurs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[ProcessKey] = set()
        self._owned: weakref.WeakSet[Owned] = weakref.WeakSet()

    def launch(self, start: Callable[[], OwnedT]) -> OwnedT:
        """Start a sidecar, and remember it before any snapshot with it in is filtered."""
        with self._lock:
            owned = start()
            identity = identify_if_readable(LinuxProcSource(), owned.pid)
            if identity is not None:
                self._keys.add(ProcessKey(identity.pid, identity.start_ticks))
            self._owned.add(owned)
        return owned

    def without_sidecars(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot without any sidecar."""
        with self._lock:
            kept = tuple([p for p in snapshot.processes if p.key not in self._keys])
        if len(kept) == len(snapshot.processes):
            return snapshot
        complete = is_complete(kept) and snapshot.missing_reason is None and not snapshot.torn
        return replace(snapshot, processes=kept, total=add_up(kept), complete=complete)

    def disown(self) -> None:
        """Begin anew in a forked process: its sidecars are those of its parent."""
        self._lock = threading.Lock()
        for owned in tuple(self._owned):
            owned.disown()
        self._owned.clear()


registry: Final = Registry()
os.register_at_fork(after_in_child=registry.disown)
