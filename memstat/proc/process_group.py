"""The process group of this process, and the terminal that it may be in the foreground of."""

from __future__ import annotations

import os


def in_foreground() -> bool:
    """Whether this process is in the terminal's foreground group: the command then is too."""
    for fd in (0, 1, 2):
        try:
            return os.tcgetpgrp(fd) == os.getpgrp()
        except OSError:
            continue
    return False


def group_of(pid: int) -> int | None:
    """Return the process group of a process; ``None`` when there is no such process here."""
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def leave_process_group() -> bool:
    """Join a process group of our own in the same session; whether that was possible.

    The leader of a session, or of the group, cannot leave it (setpgid(2)). With a controlling
    terminal we stay: a group in its background is stopped when it writes to it.
    """
    if os.getpgrp() == os.getpid() or _has_controlling_terminal():
        return False
    try:
        os.setpgid(0, 0)
    except OSError:
        return False
    return True


def _has_controlling_terminal() -> bool:
    try:
        with open("/proc/self/stat", "rb") as file:
            # tty_nr, the fifth field after the name (proc_pid_stat(5)).
            return file.read().rpartition(b")")[2].split()[4] != b"0"
    except (OSError, IndexError):
        return True
