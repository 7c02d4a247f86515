"""Which processes of a session wait for what is typed on a terminal, or have it for output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_TERMINAL_WAITS: Final = (b"wait_woken", b"n_tty_read")
"""Where n_tty_read() of the kernel sleeps, as proc_pid_wchan(5) names it.

n_tty_write() and sockets do there too: proc_pid_syscall(5) shows which it is.
"""
_READ_CALLS: Final = frozenset({3, 145}) | (
    {0, 19} if os.uname().machine == "x86_64" else {63, 65} if sys.maxsize > 1 << 32 else set()
)
"""The numbers of read(2) and readv(2): those of 32-bit programs, and of this machine."""
_MANY_FILES: Final = (
    b"poll_",
    b"do_poll",
    b"do_sys_poll",
    b"do_select",
    b"ep_poll",
    b"do_epoll_",
    b"io_cqring_",
)
"""Beginnings of the places where a process waits for one of several files."""
_NOT_SHOWN: Final = b"0"
_MOST_THREADS: Final = 64
_OUTPUTS: Final = (1, 2)
_STOPPED: Final = "TtZX"
_CONTROLLING_TERMINAL: Final = os.makedev(5, 0)
"""``/dev/tty``, whatever terminal it stands for."""


class Waiting(IntEnum):
    """Whether a process waits for what is typed."""

    ELSEWHERE = 0
    """It runs, or waits for something else."""
    PERHAPS = 1
    """It may: it waits for one of several files (poll), or may not be looked at (sudo)."""
    READS = 2
    """It waits in a read of the terminal."""
    READS_RELAY = 3
    """It waits in a read of the pseudo-terminal that it has for its output, as less(1) does."""


@dataclass(frozen=True, slots=True)
class Job:
    """What ``/proc/PID/stat`` says of a process as a part of a job."""

    state: str
    ppid: int
    group: int
    session: int
    threads: int


def parse_job(stat: bytes) -> Job:
    """Parse ``/proc/PID/stat`` (proc_pid_stat(5)).

    >>> parse_job(b"7 (a) b) S 1 7 5 34816 7" + b" 0" * 11 + b" 3 0 99 0").group
    7
    """
    fields = stat.rpartition(b")")[2].split()
    return Job(
        state=fields[0].decode("ascii"),
        ppid=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        threads=int(fields[17]),
    )


def waiting_by(wchan: bytes, state: str) -> Waiting | None:
    """Return what the place where a process sleeps says; ``None``: the file it reads decides.

    >>> waiting_by(b"do_wait", "S").name, waiting_by(b"0", "S").name, waiting_by(b"0", "R").name
    ('ELSEWHERE', 'PERHAPS', 'ELSEWHERE')
    """
    if state != "S":
        return Waiting.ELSEWHERE
    if wchan in _TERMINAL_WAITS:
        return None
    is_open = wchan == _NOT_SHOWN or wchan.startswith(_MANY_FILES)
    return Waiting.PERHAPS if is_open else Waiting.ELSEWHERE


class TerminalReaders:
    """Looks at the processes of our session. Blocking; it holds nothing of them up."""

    def __init__(self, terminal_fd: int, relay_device: int | None = None) -> None:
        self._device = os.fstat(terminal_fd).st_rdev
        reads = dict.fromkeys((self._device, _CONTROLLING_TERMINAL), Waiting.READS)
        self._reads = reads | ({relay_device: Waiting.READS_RELAY} if relay_device else {})
        self._session = os.getsid(0)
        self._strangers: Mapping[int, int] = {}

    def look(self, group: int) -> Waiting:
        """Return the most that a process of this group does, other than this one."""
        most = Waiting.ELSEWHERE
        for pid, job in self._session_members():
            if job.group == group and pid != os.getpid():
                most = max(most, self._waiting(pid, job))
                if most >= Waiting.READS:
                    break
        return most

    def has_writers(self) -> bool:
        """Whether another process of our session has the terminal as its output.

        Those above this one are left out: they wait for it. So are those that are stopped.
        """
        above = set(_ancestry(os.getpid()))
        return any(
            self._writes(pid)
            for pid, job in self._session_members()
            if pid not in above and job.state not in _STOPPED
        )

    def _writes(self, pid: int) -> bool:
        for descriptor in _OUTPUTS:
            with suppress(OSError):
                if os.stat(f"/proc/{pid}/fd/{descriptor}").st_rdev == self._device:
                    return True
        return False

    def _session_members(self) -> Iterator[tuple[int, Job]]:
        """Yield the processes of this session. One that has left it never returns: setsid(2)."""
        known, self._strangers = self._strangers, {}
        with os.scandir("/proc") as entries:
            listing = {int(e.name): e.inode() for e in entries if e.name.isdecimal()}
        strangers = {pid: inode for pid, inode in listing.items() if known.get(pid) == inode}
        self._strangers = strangers
        for pid in listing.keys() - strangers.keys():
            job = _job(pid)
            if job is None:
                continue
            if job.session == self._session:
                yield pid, job
            else:
                strangers[pid] = listing[pid]

    def _waiting(self, pid: int, job: Job) -> Waiting:
        if job.threads == 1:
            return self._thread_waiting(f"/proc/{pid}", job.state)
        try:
            threads = os.listdir(f"/proc/{pid}/task")[:_MOST_THREADS]
        except OSError:
            return Waiting.ELSEWHERE
        # Where the main thread may not be looked at, the others may not either.
        return max(
            (
                self._thread_waiting(
                    f"/proc/{pid}/task/{tid}", job.state if tid == str(pid) else ""
                )
                for tid in threads
            ),
            default=Waiting.ELSEWHERE,
        )

    def _thread_waiting(self, directory: str, state: str) -> Waiting:
        try:
            wchan = _read(f"{directory}/wchan")
            if not state:
                state = "R" if wchan == b"0" else "S"
            found = waiting_by(wchan, state)
            if found is not None:
                return found
            call, descriptor, *_ = _read(f"{directory}/syscall").split()
            if int(call) not in _READ_CALLS:
                return Waiting.ELSEWHERE
            device = os.stat(f"{directory}/fd/{int(descriptor, 16)}").st_rdev
        except (FileNotFoundError, ProcessLookupError):
            return Waiting.ELSEWHERE
        except (OSError, ValueError, IndexError):
            return Waiting.PERHAPS
        return self._reads.get(device, Waiting.ELSEWHERE)


def descends_from_this(pid: int) -> bool:
    """Whether a process is this one, or a descendant of it that has kept its parents."""
    return os.getpid() in _ancestry(pid)


def _ancestry(pid: int) -> Iterator[int]:
    """Yield a process and those above it, up to process 1, as far as they can be seen."""
    while pid > 0:
        yield pid
        job = _job(pid)
        pid = job.ppid if job else 0


def _job(pid: int) -> Job | None:
    try:
        return parse_job(_read(f"/proc/{pid}/stat"))
    except (OSError, ValueError, IndexError):
        return None


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)
