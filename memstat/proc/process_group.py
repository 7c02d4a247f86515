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
