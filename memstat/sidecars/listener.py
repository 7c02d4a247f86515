"""The thread that takes in the log of a sidecar while the program asks for nothing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from memstat.proc.own import thread_exists
from memstat.proc.owned_fd import OwnedFd
from memstat.proc.system import system
from memstat.sidecars.registry import registry

_LONGEST_WAIT_S: Final = 0.5
"""How often a listener of a silent log takes a look all the same."""
_IS_COUNTED_LATE: Final = sys.version_info >= (3, 13)
"""Whether Python counts the threads beside a fork after the hooks that follow it.

Then these may not start one. Up to Python 3.12 it counts them before.
"""
_END_WAIT_S: Final = 10.0
"""How long to wait for the end of a thread: it takes milliseconds, on a busy machine longer."""


class Listener:
    """Takes in a log as it comes: in a thread, but for the time of a fork.

    Python warns of a fork beside other threads, since a lock that one of them holds is never
    released in the child. So the thread ends before a fork, and another one begins after it: at
    once, or with the next request where Python would warn of that one.

    ``wait`` waits until there is something to read, at most so many seconds, or until the
    descriptor is closed at its other end; ``take`` returns whether to go on.
    """

    def __init__(self, wait: Callable[[float, int], None], take: Callable[[], bool]) -> None:
        self._wait = wait
        self._take = take
        # A signal handler of the same thread may fork while it is held.
        self._lock = threading.RLock()
        self._round: _Round | None = None
        self._is_wanted = False

    @property
    def is_running(self) -> bool:
        """Whether the thread is there. Where none can be started, it is not."""
        running = self._round
        return running is not None and running.is_running

    def start(self) -> None:
        """Start the thread, if one can be started."""
        with self._lock:
            self._is_wanted = True
            registry.add_listening(self)
            self._begin()

    def stop(self) -> None:
        """End the thread and wait for its end. Harmless when repeated."""
        registry.remove_listening(self)
        with self._lock:
            self._is_wanted = False
            self._end()

    def pause(self) -> None:
        """End the thread for the time of a fork."""
        with self._lock:
            self._end()

    def resume(self) -> None:
        """Start it again after a fork, where that is no reason for a warning."""
        if not _IS_COUNTED_LATE:
            self.go_on()

    def go_on(self) -> None:
        """Start it again where a fork has ended it, unless another thread is about to fork."""
        with self._lock:
            self._begin()

    def disown(self) -> None:
        """Forget it in a forked process, which has no such thread."""
        self._lock = threading.RLock()
        self._is_wanted = False
        self._round = None

    def _begin(self) -> None:
        if self._is_wanted and self._round is None and not registry.is_forking:
            # Without it, the log is read on request.
            with suppress(RuntimeError, OSError):
                self._round = _Round(self._wait, self._take)

    def _end(self) -> None:
        ended, self._round = self._round, None
        if ended is not None:
            ended.end()


class _Round:
    """One thread, and the pipe that wakes it: constructing one starts it."""

    def __init__(self, wait: Callable[[float, int], None], take: Callable[[], bool]) -> None:
        self._wait = wait
        self._take = take
        self._is_ended = False
        self._awaited, self._closed_to_wake = map(OwnedFd, system.pipe())
        self._thread = threading.Thread(target=self._run, name="memstat sidecar", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            self._close()
            raise

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        """End it and wait until the kernel has no such thread any more, for a bounded time."""
        self._is_ended = True
        self._closed_to_wake.close()
        until_s = system.monotonic_s() + _END_WAIT_S
        self._thread.join(_END_WAIT_S)
        # Up to Python 3.12, join returns a moment earlier.
        thread_id = self._thread.native_id
        while thread_id and thread_exists(thread_id) and system.monotonic_s() < until_s:
            system.sched_yield()
        self._close()

    def _run(self) -> None:
        # The program may close any descriptor.
        while self._take() and not self._is_ended and self._awaited.is_open:
            self._wait(_LONGEST_WAIT_S, self._awaited.number)

    def _close(self) -> None:
        self._awaited.close()
        self._closed_to_wake.close()
