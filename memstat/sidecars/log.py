"""The log of a sidecar: its lines are taken into a record, and waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from memstat.jsonlines import snapshot_from
from memstat.proc.system import system
from memstat.sidecars.listener import Listener
from memstat.sidecars.record import Record
from memstat.sidecars.sidecar_process import SidecarProcess

_LOOK_S: Final = 0.05
"""How often to look whether another thread of the program has read what one waits for."""


class Log:
    """Takes what a sidecar writes into a record: on request, and in a thread if it listens.

    A process that is forked takes in nothing.
    """

    def __init__(self, process: SidecarProcess, record: Record) -> None:
        self.record = record
        """What was taken in until now."""
        self._process = process
        self.owner_pid = system.getpid()
        """The process that reads it."""
        self._changed = threading.Condition()
        """Guards the record; what takes something in notifies those that wait."""
        self._listener = Listener(process.wait, self._take_and_notify)

    @property
    def is_forked_copy(self) -> bool:
        """Whether this process was forked from the one that reads the log."""
        return system.getpid() != self.owner_pid

    @property
    def has_closed(self) -> bool:
        """Whether there is nothing left to read."""
        return self._process.has_closed_log

    def listen(self) -> None:
        """Take in what comes while nothing is asked for, if a thread can be started."""
        self._listener.start()

    def go_on_listening(self) -> None:
        """Start the thread again where a fork has ended it."""
        self._listener.go_on()

    def stop_listening(self) -> None:
        """End the thread: the number of a descriptor that it waits for may be used again."""
        self._listener.stop()

    @contextmanager
    def reading(self) -> Iterator[Record]:
        """Give the record to a block, during which it does not change otherwise."""
        with self._changed:
            self.take()
            yield self.record

    def take(self) -> None:
        """Take in what there is now."""
        if self.is_forked_copy:
            return
        with self._changed:
            for message in self._process.messages():
                if message["kind"] == "snapshot":
                    self.record.take_snapshot(snapshot_from(message))
                else:
                    self.record.take(message)

    def wait(self, is_met: Callable[[], bool], patience_s: float) -> bool:
        """Wait until a condition of the record is met; return whether it is.

        It is not when the log ends before, or the patience.
        """
        until_s = system.monotonic_s() + patience_s
        while True:
            with self.reading():
                if is_met():
                    return True
                left_s = until_s - system.monotonic_s()
                if self.has_closed or left_s <= 0:
                    return False
                is_heard = self._listener.is_running
                if is_heard:
                    # What comes from here on is read by the listener, or on another request.
                    self._changed.wait(min(left_s, _LOOK_S))
            if not is_heard:
                # Not under the lock: others may look at the record meanwhile.
                self._process.wait(min(left_s, _LOOK_S))

    def disown(self) -> None:
        """Give it up in a forked process, while the parent goes on with it."""
        # Another thread of the parent may have held the lock; it does not exist here.
        self._changed = threading.Condition()
        self._listener.disown()

    def _take_and_notify(self) -> bool:
        with self._changed:
            self.take()
            self._changed.notify_all()
        return not self.has_closed
