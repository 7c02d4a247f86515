"""Bytes from one thread to another, in batches, in bounded memory."""

from __future__ import annotations

import threading
import time


class Handover:
    """One thread puts, another takes all there is; either may end it.

    >>> handover = Handover(batch_bytes=1 << 19, batch_s=0.05)
    >>> handover.put(b"one"), handover.put(b"two"), handover.end()
    (True, True, None)
    >>> handover.take(), handover.take()
    (b'onetwo', None)
    """

    def __init__(self, *, batch_bytes: int, batch_s: float) -> None:
        """A batch is taken when it has ``batch_bytes``, or ``batch_s`` after the last one."""
        self._batch_bytes = batch_bytes
        self.batch_s = batch_s
        self._waiting = bytearray()
        self._taken_s = time.monotonic()
        self._changed = threading.Condition()
        self._is_taking = False
        self.ended = False

    def put(self, data: bytes) -> bool:
        """Add bytes, waiting while a batch is full; False when the other side has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended or not self._is_full)
            if self.ended:
                return False
            is_first = not self._waiting
            self._waiting += data
            # The taker waits for something, then for a whole batch: nothing between need wake it.
            if is_first or self._is_full:
                self._changed.notify_all()
            return True

    def take(self) -> bytes | None:
        """Wait for a batch and return it; ``None`` at the end."""
        with self._changed:
            self._is_taking = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.ended or self._waiting)
            left_s = self._taken_s + self.batch_s - time.monotonic()
            self._changed.wait_for(lambda: self.ended or self._is_full, max(0.0, left_s))
            batch, self._waiting = bytes(self._waiting), bytearray()
            self._taken_s = time.monotonic()
            self._is_taking = False
            self._changed.notify_all()
            return batch or None

    def wait_until_all_taken(self, timeout_s: float) -> None:
        """Wait until the other side has dealt with all there is, and asks for more."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.ended or (self._is_taking and not self._waiting), max(0.0, timeout_s)
            )

    def end(self) -> None:
        """Take no more; what is there may still be taken."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= self._batch_bytes
