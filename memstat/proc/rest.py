"""Whether a process has run since it was looked at, for a third of what another look takes."""

from __future__ import annotations

import os
from typing import Final

from memstat.proc.files import read_file

_BYTES: Final = 128
"""More than ``schedstat`` ever has: three numbers."""
_ASLEEP: Final = frozenset([b"S", b"D", b"T", b"t", b"I"])
"""States of a process that does not run, and does not wait for a CPU (proc_pid_stat(5))."""
_LONGEST_PAUSE: Final = 64


class Rest:
    """Proves that a process of one thread has not run.

    Then it has had no fault, has forked nothing, and is no other program.

    ``schedstat`` reports how long the process has run, how long it waited to, and how often it was
    put on a CPU. The kernel counts the last when it puts it there (``sched_info_arrive``). So once
    it has left its CPU, it has not run for as long as this text is the same to the byte.

    That ``stat`` shows it asleep does not prove that it has left: an event may come in the moment
    between, and it runs on. But then it either leaves later, when the kernel has added to how long
    it has run (``update_curr``), or is seen to run. So the proof begins with the second of two
    looks that both find it asleep, with the same text read before each.

    What others do to it is not seen: they change its sizes, and it has another parent once that
    has ended.
    """

    __slots__ = ("_fd", "_is_proved", "_latest", "_left_out", "_pause", "_text")

    def __init__(self, fd: int) -> None:
        """``fd`` is its ``schedstat``; it stays the caller's to close."""
        self._fd = fd
        self._text = self._latest = b""
        self._is_proved = False
        # One that runs time and again is asked ever less often.
        self._pause = self._left_out = 0

    def lasts(self) -> bool:
        """Whether it has not run since the last look. To be called before ``stat`` is read."""
        if self._left_out:
            self._left_out -= 1
            self._latest = b""
            return False
        self._latest = os.pread(self._fd, _BYTES, 0)
        return self._is_proved and self._latest == self._text

    def note(self, stat_text: bytes) -> None:
        """Note a look: what ``stat`` was after ``lasts`` was called."""
        before, now = self._text, self._latest
        if not now:
            return
        sleeps = is_asleep(stat_text)
        self._is_proved = sleeps and now == before
        if self._is_proved:
            self._pause = 0
        elif sleeps and not before:
            self._text = now
        else:
            self.forget()
            self._pause = self._left_out = min(2 * self._pause + 1, _LONGEST_PAUSE)

    def forget(self) -> None:
        """Begin anew."""
        self._text = b""
        self._is_proved = False


def is_asleep(stat_text: bytes) -> bool:
    """Whether a process has one thread, and that does not run.

    >>> is_asleep(b"7 (a) S 1 " + b"0 " * 15 + b"1 0 500 0")
    True
    >>> is_asleep(b"7 (a) R 1 " + b"0 " * 15 + b"1 0 500 0")
    False
    """
    tail = stat_text.rpartition(b")")[2].split(None, 18)
    return tail[17:18] == [b"1"] and tail[0] in _ASLEEP


def is_reported() -> bool:
    """Whether the kernel counts how often a process was put on a CPU (CONFIG_SCHED_INFO)."""
    try:
        return int(read_file("/proc/self/schedstat").split()[2]) > 0
    except (OSError, ValueError, IndexError):
        return False
