"""Processes of other users that ``/proc`` hides from this one (``hidepid``, proc(5)).

Their directories cannot be seen, but their parents' lists of children name them. So a hidden
child of a visible process is known to be there: its PID, its parent, and that it may not be read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Final

from memstat.errors import ParseError
from memstat.model import Identity
from memstat.proc.files import read_file
from memstat.proc.parse import parse_stat

_CAP_SYS_PTRACE: Final = 19
_NAME: Final = "hidden"
"""Stands for the name of a process that was never visible."""
_HIDING: Final = {"1", "2", "4", "noaccess", "invisible", "ptraceable"}
_WHATEVER_THE_GROUP: Final = {"4", "ptraceable"}


def hides_processes() -> bool:
    """Whether ``/proc`` hides processes of other users from this one."""
    try:
        status, mounts = read_file("/proc/self/status"), b""
        if not _may_see_all(status):
            mounts = read_file("/proc/self/mountinfo")
    except OSError:
        # Then the reads of the processes fail as well, and say so.
        return False
    return hides_from(_options_of_proc(mounts), {os.getegid(), *os.getgroups()})


def _may_see_all(status: bytes) -> bool:
    capabilities = re.search(rb"^CapEff:\t([0-9a-f]+)$", status, re.MULTILINE)
    return bool(capabilities and int(capabilities[1], 16) >> _CAP_SYS_PTRACE & 1)


def hides_from(options: Mapping[str, str], groups: set[int]) -> bool:
    """Whether a mount with these options hides processes from a member of these groups.

    >>> hides_from({"hidepid": "invisible", "gid": "50"}, {100}), hides_from({}, {100})
    (True, False)
    """
    mode = options.get("hidepid", "0")
    exempt = int(options.get("gid", "0")) in groups and mode not in _WHATEVER_THE_GROUP
    return mode in _HIDING and not exempt


def _options_of_proc(mounts: bytes) -> Mapping[str, str]:
    """Return the options of the last file system that was mounted on ``/proc``."""
    found: dict[str, str] = {}
    for line in mounts.decode("utf-8", "surrogateescape").splitlines():
        mount, _, system = line.partition(" - ")
        if mount.split(" ")[4:5] == ["/proc"] and system.startswith("proc "):
            options = system.split(" ")[2].split(",")
            found = {name: value for name, _, value in (o.partition("=") for o in options)}
    return found


class HiddenProcesses:
    """Remembers which processes were seen, and finds those that are hidden."""

    def __init__(self) -> None:
        self.is_known = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
        """Whether the kernel lists children at all (CONFIG_PROC_CHILDREN)."""
        self._numbers = count(1)
        self._listing: Mapping[int, int] = {}
        self._identities: dict[int, Identity] = {}
        self._hidden: frozenset[int] = frozenset()

    def complete(self, listing: Mapping[int, int]) -> Mapping[int, int]:
        """Return a listing with the hidden children of visible processes."""
        visible = {pid: inode for pid, inode in listing.items() if _is_visible(pid)}
        hidden = {
            child: parent
            for parent in visible
            for child in _children(parent)
            if child not in visible and _exists(child)
        }
        identities = {
            pid: known for pid, known in self._identities.items() if pid in visible or pid in hidden
        }
        for pid, parent in hidden.items():
            identities[pid] = _as_hidden(pid, parent, identities.get(pid))
        self._identities, self._hidden = identities, frozenset(hidden)
        # A number for each process that differs from all inodes, and stays.
        numbers = {pid: self._listing.get(pid) or -next(self._numbers) for pid in hidden}
        self._listing = {**visible, **numbers}
        return self._listing

    def remember(self, identity: Identity) -> None:
        """Remember a process that was visible: it may be hidden later (setuid(2))."""
        self._identities[identity.pid] = identity

    def find(self, pid: int) -> Identity | None:
        """Return what is known of a hidden process; ``None`` when there is none of this PID."""
        if pid not in self._hidden or not _exists(pid):
            return None
        return self._identities.get(pid)


def _is_visible(pid: int) -> bool:
    # With hidepid=1 all are listed.
    return os.access(f"/proc/{pid}/task", os.X_OK)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _children(pid: int) -> Iterator[int]:
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            yield from map(int, read_file(f"/proc/{pid}/task/{tid}/children").split())
    except OSError:
        pass  # It has ended, or the kernel does not list children.


def _as_hidden(pid: int, parent: int, known: Identity | None) -> Identity:
    state = "Z" if _has_ended(pid) else "?"
    if known is not None:
        return known._replace(ppid=parent, state=state)
    return Identity(pid, parent, _start_ticks(parent), _NAME, state, threads=1)


def _has_ended(pid: int) -> bool:
    # Only of a child of ours: others cannot be asked for, and count as alive until they are gone.
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except OSError:
        return False


def _start_ticks(pid: int) -> int:
    """Return the start of the parent: before it no child can have started."""
    try:
        return parse_stat(read_file(f"/proc/{pid}/stat")).start_ticks
    except (OSError, ParseError):
        return 0
