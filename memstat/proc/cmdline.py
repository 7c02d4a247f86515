"""The command line of a process, for people to recognise it by."""

from __future__ import annotations

from memstat.model import ProcessKey
from memstat.proc.parse import parse_stat
from memstat.proc.reader import read_file


def read_command_line(key: ProcessKey) -> str | None:
    """Return the arguments of a process, joined by spaces and cut at 8 KiB; ``None`` if unknown.

    ``/proc/PID/cmdline`` (proc_pid_cmdline(5)): empty for kernel threads and zombies. The process
    may have written anything into it.
    """
    try:
        arguments = read_file(f"/proc/{key.pid}/cmdline")
        if parse_stat(read_file(f"/proc/{key.pid}/stat")).start_ticks != key.start_ticks:
            return None
    except OSError:
        return None
    return arguments.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "backslashreplace") or None
