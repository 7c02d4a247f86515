"""A scripted system of processes in place of ``/proc``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from memstat.errors import ListingError, NoSuchProcess, NotAProcess, UnreadableProcess
from memstat.model import DenialReason, Identity, Memory, ProcessKey, ReadStatus
from memstat.proc.source import (
    GONE,
    LEFT,
    Afterwards,
    Glance,
    ProcessReader,
    Reading,
    WalkedPages,
)
from memstat.testing.snapshots import memory_of, private_memory

_FIRST_PID: Final = 100
_PAGE_BYTES: Final = 4096


class FakeProc:
    """A system of scripted processes: a ProcSource that reports what a script made of them.

    Process 1, ``init``, is there from the start. ``start`` adds others; the FakeProcess that it
    returns has methods to fork, execute, grow and end. Sizes are reported as they are given: a
    script that wants shared memory gives each process its share.

    memstat's own tests hold this and the real ``/proc`` to one contract.

    >>> from memstat.proc.tree import Scope
    >>> from memstat.sampling.sweep import sweep_once
    >>> proc = FakeProc()
    >>> shell = proc.start("sh", 2 << 20)
    >>> worker = shell.fork(5 << 20)
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
        process = FakeProcess(self, ProcessKey(pid, birth), birth, name, parent, memory)
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

    def glance(self, *, with_faults: bool) -> Glance | None:
        process = self._proc.find(self._key)
        glance = None if process is None else process.glance()
        before = self._glance
        if glance is not None and before is not None and not with_faults:
            # As the kernel's: without another size, the faults are not looked at.
            known = glance._replace(faulted_bytes=before.faulted_bytes)
            glance = before if known == before else glance
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


@dataclass(eq=False, slots=True, repr=False)
class FakeProcess:
    """One process of a FakeProc. Its fields may be set; the next read reports them."""

    _proc: FakeProc
    key: ProcessKey
    inode: int
    """New for every process, like the inode of its directory in ``/proc``."""
    name: str
    parent: FakeProcess | None
    """``None`` for a process that the kernel started."""
    memory: Memory | None
    """``None`` for a zombie or a kernel thread. Set it by ``use``."""
    denied: bool = False
    """Whether its memory may not be read; its name, parent and RSS still may."""
    denial: DenialReason = DenialReason.OTHER_USER
    """Why not."""
    adopts_orphans: bool = False
    """Whether it is a child subreaper: orphaned descendants become its children, not init's."""
    unreadable: str | None = None
    """Why neither its identity nor its memory can be read now, as when the kernel has no memory
    left for the text."""
    error: Exception | None = None
    """The error that a read raises."""
    state: str = "S"
    has_executed: bool = True
    """Whether it has called ``execve`` since it was forked."""
    is_kernel_thread: bool = False
    family: int = 0
    """The same number for all that were forked from one another; 0 without memory."""
    faults: int = 0
    """How many page faults it has had: one for each page that it has grown."""
    waited_for: int = 0
    """How many children it has waited for."""
    is_exiting: bool = False
    """Whether it has given up its memory and is not a zombie yet."""
    thread_ids: list[int] = field(default_factory=list)
    """The ids of its threads, without the main one."""
    rss_peak_bytes: int | None = None
    command_line: str | None = None
    """Its arguments, joined by spaces; by default its name alone."""

    def __post_init__(self) -> None:
        self.rss_peak_bytes = self.memory.rss_bytes if self.memory else None
        self.command_line = self.command_line or self.name

    def __repr__(self) -> str:
        return f"<FakeProcess {self.pid} {self.name!r} {self.state}>"

    @property
    def pid(self) -> int:
        """Its PID."""
        return self.key.pid

    @property
    def identity(self) -> Identity:
        """What its ``stat`` file would report."""
        return Identity(
            pid=self.pid,
            ppid=self._ppid,
            start_ticks=self.key.start_ticks,
            name=self.name,
            state=self.state,
            threads=1 + len(self.thread_ids),
            has_executed=self.has_executed,
            is_kernel_thread=self.is_kernel_thread,
            family=self.family,
        )

    def fork(self, used: int | Memory) -> FakeProcess:
        """Return a child of the same name.

        >>> from memstat.testing import FakeProc
        >>> FakeProc().init.fork(4096).name
        'init'
        """
        child = self._proc.start(self.name, used, parent=self)
        child.has_executed, child.family = False, self.family
        return child

    def execute(self, name: str, used: int | Memory) -> None:
        """Become another program, as by execve(2): a new name and new memory, the same process.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("sh", 4096)
        >>> process.execute("vi", 8192)
        >>> process.name, process.rss_peak_bytes
        ('vi', 8192)
        """
        self.thread_ids.clear()
        self.state, self.has_executed, self.family = "S", True, self._proc.new_family()
        self.name, self.command_line, self.rss_peak_bytes = name, name, None
        self.use(used)

    def use(self, used: int | Memory) -> None:
        """Use this memory from now on; a number is a size in bytes of private anonymous memory.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("sh", 8192)
        >>> process.use(4096)
        >>> process.memory.pss_bytes, process.rss_peak_bytes
        (4096, 8192)
        """
        before, self.memory = self.memory, memory_of(used)
        grown = (self.memory.rss_bytes or 0) - ((before and before.rss_bytes) or 0)
        self.faults += max(1, -(-grown // _PAGE_BYTES))
        if self.memory.rss_bytes is not None:
            self.rss_peak_bytes = max(self.memory.rss_bytes, self.rss_peak_bytes or 0)

    def start_thread(self) -> int:
        """Start a thread and return its id.

        >>> from memstat.testing import FakeProc
        >>> proc = FakeProc()
        >>> proc.require(proc.init.start_thread())
        Traceback (most recent call last):
        memstat.errors.NotAProcess: 100 is a thread of process 1: measure 1 instead
        """
        tid = self._proc.unused_id()
        self.thread_ids.append(tid)
        self._proc.gave_pid(tid)
        return tid

    def end_main_thread(self) -> None:
        """End the main thread alone: the process then looks like a zombie, but is not one.

        Raises ValueError when there is no other thread.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("java", 4096)
        >>> tid = process.start_thread()
        >>> process.end_main_thread()
        >>> process.identity.state, process.identity.is_alive
        ('Z', True)
        """
        if not self.thread_ids:
            raise ValueError("without another thread the process would end")
        self.state = "Z"

    def end(self) -> None:
        """End: become a zombie without memory until ``reap``. Its children get a new parent.

        >>> from memstat.testing import FakeProc
        >>> parent = FakeProc().start("sh", 4096)
        >>> child = parent.fork(4096)
        >>> parent.end()
        >>> child.parent
        <FakeProcess 1 'init' S>
        """
        self.thread_ids.clear()
        self.state, self.memory, self.rss_peak_bytes, self.family = "Z", None, None, 0
        self.is_exiting = False
        adopter = self._adopter()
        for process in [*self._proc.processes.values()]:
            if process.parent is self:
                process.parent = adopter

    def reap(self) -> None:
        """Disappear, as when the parent has waited for it. Raises ValueError before ``end``.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("sh", 4096)
        >>> process.reap()
        Traceback (most recent call last):
        ValueError: <FakeProcess 100 'sh' S> has not ended
        """
        if self.identity.is_alive:
            raise ValueError(f"{self!r} has not ended")
        del self._proc.processes[self.pid]
        if self.parent is not None:
            self.parent.waited_for += 1

    def glance(self) -> Glance | None:
        """Return what a glance of a reader returns.

        >>> from memstat.testing import FakeProc
        >>> FakeProc().init.glance().anon_bytes
        1048576
        """
        pages = self._pages
        if pages is None or self.denied or self.unreadable is not None or self.state == "Z":
            return None
        return Glance(
            self.family,
            self._ppid,
            pages.anon_bytes,
            pages.file_bytes,
            self.faults * _PAGE_BYTES,
            self.name,
            self.rss_peak_bytes,
        )

    @property
    def _pages(self) -> WalkedPages | None:
        memory = self.memory
        if memory is None or memory.pss_bytes is None or memory.rss_bytes is None:
            return None
        pss_anon = memory.pss_bytes if memory.pss_anon_bytes is None else memory.pss_anon_bytes
        pss_file = memory.pss_bytes - pss_anon
        # All that does not count is of anonymous pages, if there are any.
        file = pss_file if pss_anon else memory.rss_bytes
        private = memory.pss_bytes if memory.uss_bytes is None else memory.uss_bytes
        return WalkedPages(memory.rss_bytes - file, pss_anon, file, pss_file, private)

    def read(self) -> Reading:
        """Return what a reader of it returns, or raise ``error``."""
        if self.error is not None:
            raise self.error
        if self.unreadable is not None:
            return Reading(ReadStatus.UNREADABLE, self.name, self._ppid, reason=self.unreadable)
        memory = self.memory
        if memory is None:
            return Reading(ReadStatus.NO_MEMORY, self.name, self._ppid, is_exiting=self.is_exiting)
        status = ReadStatus.MEASURED
        if self.denied:
            status = ReadStatus.DENIED
            memory = Memory(
                rss_bytes=memory.rss_bytes, pss_low_bytes=0, pss_high_bytes=memory.rss_bytes
            )
        return Reading(
            status,
            self.name,
            self._ppid,
            memory,
            self.rss_peak_bytes,
            self.denial if self.denied else None,
            0 if self.denied else self.family,
            pages=None if self.denied else self._pages,
        )

    @property
    def _ppid(self) -> int:
        return self.parent.pid if self.parent else 0

    def _adopter(self) -> FakeProcess:
        ancestor = self.parent
        while ancestor is not None and not ancestor.adopts_orphans:
            ancestor = ancestor.parent
        return ancestor or self._proc.init
