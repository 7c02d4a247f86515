"""A scripted system of processes in place of ``/proc``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Final

from memstat.errors import ListingError, NoSuchProcess, NotAProcess, UnreadableProcess
from memstat.mappings import MappingGroup, MappingKind
from memstat.model import Identity, Memory, ProcessKey, ReadStatus
from memstat.proc.source import (
    GONE,
    LEFT,
    Afterwards,
    Glance,
    MappedReading,
    ProcessReader,
    Reading,
)
from memstat.testing.fake_process import FakeProcess
from memstat.testing.pages import Ram
from memstat.testing.snapshots import memory_of, private_memory

_FIRST_PID: Final = 100


class FakeProc:
    """A system of scripted processes: a ProcSource that reports what a script made of them.

    Process 1, ``init``, is there from the start. ``start`` adds others; the FakeProcess that it
    returns has methods to fork, execute, grow, write, map files and end. Memory is shared as the
    kernel shares it; sizes that a script gives, and does not leave to fork or grow, are reported as
    they were given.

    memstat's own tests hold this and the real ``/proc`` to one contract.

    >>> from memstat.proc.tree import Scope
    >>> from memstat.sampling.sweep import sweep_once
    >>> proc = FakeProc()
    >>> shell = proc.start("sh", 2 << 20)
    >>> worker = shell.fork()
    >>> worker.grow(5 << 20)
    >>> sweep_once(proc, Scope(roots=(shell.key,))).total.pss_bytes >> 20
    7
    >>> worker.denied = True
    >>> sweep_once(proc, Scope(roots=(shell.key,))).complete
    False
    """

    def __init__(self) -> None:
        self.open_readers = 0
        """Readers that were made and not yet closed."""
        self.listing_error: str | None = None
        """Why the processes cannot be listed now; ``None`` when they can."""
        self.processes: dict[int, FakeProcess] = {}
        """The processes by PID, including zombies."""
        self._ram = Ram()
        self._births = count(1)
        self._families = count(1)
        self._newest_pid = 0
        self._ids = count(_FIRST_PID)
        self.init = self._add(1, "init", None, private_memory(1 << 20))

    def start(
        self,
        name: str,
        used: int | Memory,
        *,
        parent: FakeProcess | None = None,
        pid: int | None = None,
    ) -> FakeProcess:
        """Start a process, a child of ``init`` unless ``parent`` is given.

        ``used`` is its memory; a number is a size in bytes of private anonymous memory. ``pid``
        chooses its PID, such as that of a process that has ended; its start time and its inode are
        new in any case. Raises ValueError when the PID is in use.

        >>> proc = FakeProc()
        >>> first = proc.start("sh", 4096)
        >>> first.end(), first.reap()
        (None, None)
        >>> proc.start("vi", 4096, pid=first.pid).key == first.key
        False
        """
        return self._add(pid, name, parent or self.init, memory_of(used))

    def start_kernel_thread(self, name: str) -> FakeProcess:
        """Start a kernel thread: it is listed as a process and has no memory.

        >>> proc = FakeProc()
        >>> proc.reader(proc.start_kernel_thread("kswapd0").key).walk().status
        <ReadStatus.NO_MEMORY: 'no-memory'>
        """
        thread = self._add(None, name, None, None)
        thread.has_executed, thread.is_kernel_thread = False, True
        return thread

    def list_processes(self) -> Mapping[int, int]:
        if self.listing_error is not None:
            raise ListingError(f"the processes could not be listed: {self.listing_error}")
        # In the order of the kernel, and a copy: the script may go on in another thread.
        return {pid: process.inode for pid, process in sorted(self.processes.items())}

    @property
    def missing_reason(self) -> str | None:
        return None

    def newest_pid(self) -> int | None:
        return self._newest_pid

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def identify(self, pid: int) -> Identity | None:
        process = self._owner(pid)
        if process is not None and process.unreadable is not None:
            raise UnreadableProcess(pid, f"process {pid} could not be read: {process.unreadable}")
        return None if process is None else process.identity._replace(pid=pid)

    def order_of_memory(self, pid: int, other: int) -> int | None:
        return (pid > other) - (pid < other)

    def is_thread(self, number: int) -> bool:
        return self._process_of_thread(number) is not None

    def require(self, pid: int) -> Identity:
        process = self._process_of_thread(pid)
        if process is not None:
            raise NotAProcess(
                pid, f"{pid} is a thread of process {process.pid}: measure {process.pid} instead"
            )
        identity = self.identify(pid)
        if identity is None:
            raise NoSuchProcess(pid, f"no process has PID {pid}")
        return identity

    def command_line(self, key: ProcessKey) -> str | None:
        process = self.find(key)
        return process.command_line if process is not None and process.memory else None

    def reader(self, key: ProcessKey) -> ProcessReader:
        return _FakeReader(self, key)

    def mappings(self, key: ProcessKey) -> MappedReading:
        process = self.find(key)
        reading = GONE if process is None else process.read()
        if reading.status is not ReadStatus.MEASURED:
            return MappedReading(reading)
        return MappedReading(reading, (_all_of(reading.memory),))

    def find(self, key: ProcessKey) -> FakeProcess | None:
        """Return the process of this identity; ``None`` when it has been reaped.

        >>> proc = FakeProc()
        >>> proc.find(ProcessKey(1, 999)) is None
        True
        """
        process = self.processes.get(key.pid)
        return process if process is not None and process.key == key else None

    def unused_id(self) -> int:
        """Return a number that is neither a PID nor a thread id.

        >>> FakeProc().unused_id()
        100
        """
        return next(number for number in self._ids if self._owner(number) is None)

    def _owner(self, number: int) -> FakeProcess | None:
        return self.processes.get(number) or self._process_of_thread(number)

    def _process_of_thread(self, tid: int) -> FakeProcess | None:
        return next((p for p in [*self.processes.values()] if tid in p.thread_ids), None)

    def _add(
        self, pid: int | None, name: str, parent: FakeProcess | None, memory: Memory | None
    ) -> FakeProcess:
        if pid is None:
            pid = self.unused_id()
        elif self._owner(pid) is not None:
            raise ValueError(f"PID {pid} is taken")
        birth = next(self._births)
        process = FakeProcess(self._ram, memory, self, ProcessKey(pid, birth), birth, name, parent)
        process.family = next(self._families) if memory is not None else 0
        self.processes[pid] = process
        self.gave_pid(pid)
        return process

    def gave_pid(self, number: int) -> None:
        """Note that a process or thread got this number, as the newest.

        >>> proc = FakeProc()
        >>> proc.gave_pid(500)
        >>> proc.newest_pid()
        500
        """
        self._newest_pid = number

    def new_family(self) -> int:
        """Return a number that no family of processes has.

        >>> proc = FakeProc()
        >>> proc.new_family() == proc.new_family()
        False
        """
        return next(self._families)


class _FakeReader:
    def __init__(self, proc: FakeProc, key: ProcessKey) -> None:
        self._proc = proc
        self._key = key
        self._is_open = True
        self._last = GONE
        self._waited_for = 0
        self._glance: Glance | None = None
        proc.open_readers += 1

    def glance(self, *, with_faults: bool, with_parent: bool = True) -> Glance | None:
        process = self._proc.find(self._key)
        glance = None if process is None else process.glance()
        before = self._glance
        if glance is not None and before is not None and not with_faults:
            # As the kernel's: while the sizes are the same, nothing else is looked at.
            is_same = _sizes(glance) == _sizes(before)
            glance = before if is_same else glance
        if glance is not None and before is not None and not with_parent:
            # It may not have run since.
            glance = before if glance._replace(ppid=before.ppid) == before else glance
        if glance != before:
            self._glance = glance
        return self._glance

    def walk(self) -> Reading:
        process = self._proc.find(self._key)
        self._last = GONE if process is None else process.read()
        self._waited_for = process.waited_for if process is not None else 0
        return self._last

    def afterwards(self) -> Afterwards:
        process = self._proc.find(self._key)
        if process is None:
            return LEFT
        return Afterwards(
            process.family == self._last.family, process.waited_for != self._waited_for
        )

    def close(self) -> None:
        self._proc.open_readers -= self._is_open
        self._is_open = False


def _all_of(memory: Memory) -> MappingGroup:
    """Return all memory as one group: what made-up processes have is of no kind."""
    return MappingGroup(
        MappingKind.ANONYMOUS,
        "",
        memory.pss_bytes or 0,
        memory.uss_bytes or 0,
        memory.rss_bytes or 0,
        memory.swap_pss_bytes,
        memory.hugetlb_bytes,
    )


def _sizes(glance: Glance) -> tuple[int, int, int]:
    return glance.family, glance.anon_bytes, glance.file_bytes
