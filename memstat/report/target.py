"""What a recording is of, in words. Pure."""

from __future__ import annotations

import shlex

from memstat.recording.header import Header
from memstat.text import printable


def target_text(header: Header) -> str:
    """Return the command, or the processes that were watched; safe to print.

    >>> from memstat.recording.header import Host
    >>> target_text(Header("0.1.0", 0.0, 0.1, Host("node7"), command=("make", "-C", "a b")))
    "make -C 'a b'"
    >>> target_text(Header("0.1.0", 0.0, 0.1, Host("node7"), targets=(7, 9)))
    'processes 7, 9 with descendants'
    """
    if header.command:
        return printable(shlex.join(header.command))
    pids = header.targets or ()
    noun = "process" if len(pids) == 1 else "processes"
    descendants = " with descendants" if header.recursive else ""
    return f"{noun} {', '.join(map(str, pids))}{descendants}"
