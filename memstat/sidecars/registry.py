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


class Listening(Protocol):
    """A thread beside the program, which must not be there when the program forks."""

    def pause(self) -> None:
        """End it before a fork."""
        ...

    def resume(self) -> None:
        """Start it again in the parent, after the fork or as soon as may be."""
        ...


OwnedT = TypeVar("OwnedT", bound=Owned)


class Registry:
    """Remembers the sidecars that this process has started, while anything else does."""

    def __init__(self) -> None:
        self._owned: weakref.WeakSet[Owned] = weakref.WeakSet()
        self._renew()

    @property
    def is_forking(self) -> bool:
        """Whether any thread is about to fork: then none may be started."""
        return self._forks > 0

    def launch(self, start: Callable[[], OwnedT]) -> OwnedT:
        """Start a sidecar and remember it."""
        with self._lock:
            owned = start()
            self._owned.add(owned)
        return owned

    def add_listening(self, listening: Listening) -> None:
        """Remember a thread that must end before a fork."""
        with self._fork_lock:
            self._listening |= {listening}

    def remove_listening(self, listening: Listening) -> None:
        """Forget it."""
        with self._fork_lock:
            self._listening -= {listening}

    def before_fork(self) -> None:
        """End the threads."""
        with self._fork_lock:
            self._forks += 1
        for listening in self._listening:
            listening.pause()

    def after_fork(self) -> None:
        """Let the threads be started again in the parent."""
        with self._fork_lock:
            self._forks -= 1
        for listening in self._listening:
            listening.resume()

    def disown(self) -> None:
        """Begin anew in a forked process: its sidecars are those of its parent."""
        for owned in tuple(self._owned):
            owned.disown()
        self._owned.clear()
        self._renew()

    def _renew(self) -> None:
        # Another thread may have held the locks when this process was forked.
        self._lock = threading.Lock()
        # A signal handler may fork while its thread holds this one.
        self._fork_lock = threading.RLock()
        self._forks = 0
        self._listening: frozenset[Listening] = frozenset()


registry: Final = Registry()
os.register_at_fork(
    before=registry.before_fork,
    after_in_parent=registry.after_fork,
    after_in_child=registry.disown,
)
