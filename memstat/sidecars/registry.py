"""The sidecars of this process, which are not those of a process that it forks."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Final, Protocol, TypeVar


class Owned(Protocol):
    """A sidecar that belongs to the process which started it, not to those it forks."""

    def disown(self) -> None:
        """Give it up in a forked process, without harm to the parent. Called after the fork."""
        ...


OwnedT = TypeVar("OwnedT", bound=Owned)


class Registry:
    """Remembers the sidecars that this process has started, while anything else does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owned: weakref.WeakSet[Owned] = weakref.WeakSet()

    def launch(self, start: Callable[[], OwnedT]) -> OwnedT:
        """Start a sidecar and remember it."""
        with self._lock:
            owned = start()
            self._owned.add(owned)
        return owned

    def disown(self) -> None:
        """Begin anew in a forked process: its sidecars are those of its parent."""
        self._lock = threading.Lock()
        for owned in tuple(self._owned):
            owned.disown()
        self._owned.clear()


registry: Final = Registry()
os.register_at_fork(after_in_child=registry.disown)
