"""The sidecars of this process: none of them counts in the total of another."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from subprocess import Popen
from typing import Final, Protocol

from memstat.model import ProcessKey, Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.sweep import add_up, is_complete


class Owned(Protocol):
    """What belongs to the process that made it, not to those it forks."""

    def disown(self) -> None:
        """Called in a forked child: give up what the parent has, without harm to it."""
        ...


class Registry:
    """Knows every sidecar that this process ever started, by an identity that never recurs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[ProcessKey] = set()
        self._owned: weakref.WeakSet[Owned] = weakref.WeakSet()

    def launch(self, owner: Owned, start: Callable[[], Popen[bytes]]) -> Popen[bytes]:
        """Start a sidecar process, and know it before anybody takes in a snapshot of it."""
        with self._lock:
            process = start()
            identity = LinuxProcSource().identify(process.pid)
            if identity is not None:
                self._keys.add(ProcessKey(identity.pid, identity.start_ticks))
            self._owned.add(owner)
        return process

    def without_sidecars(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot without any sidecar."""
        with self._lock:
            kept = tuple([p for p in snapshot.processes if p.key not in self._keys])
        if len(kept) == len(snapshot.processes):
            return snapshot
        return replace(snapshot, processes=kept, total=add_up(kept), complete=is_complete(kept))

    def disown(self) -> None:
        """Begin anew in a forked child, whose sidecars are its parent's."""
        self._lock = threading.Lock()
        for owned in tuple(self._owned):
            owned.disown()
        self._owned.clear()


registry: Final = Registry()
os.register_at_fork(after_in_child=registry.disown)
