"""One process of a scripted system."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from memstat.model import DenialReason, Identity, Memory, ProcessKey, ReadStatus
from memstat.proc.source import Glance, Reading
from memstat.testing.fake_memory import FakeMemory
from memstat.testing.pages import PAGE_BYTES, pages_of


class System(Protocol):
    """What a process needs of the system that it belongs to."""

    init: FakeProcess
    processes: dict[int, FakeProcess]

    def start(
        self, name: str, used: int | Memory, *, parent: FakeProcess | None = None
    ) -> FakeProcess: ...
    def unused_id(self) -> int: ...
    def gave_pid(self, number: int) -> None: ...
    def new_family(self) -> int: ...


@dataclass(eq=False, slots=True, repr=False)
class FakeProcess(FakeMemory):
    """One process of a FakeProc. Its fields may be set; the next read reports them."""

    _proc: System
    key: ProcessKey
    inode: int
    """New for every process, like the inode of its directory in ``/proc``."""
    name: str
    parent: FakeProcess | None
    """``None`` for a process that the kernel started."""
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
    waited_for: int = 0
    """How many children it has waited for."""
    thread_ids: list[int] = field(default_factory=list)
    """The ids of its threads, without the main one."""
    command_line: str | None = None
    """Its arguments, joined by spaces; by default its name alone."""

    def __post_init__(self) -> None:
        self._raise_peak(self.memory.rss_bytes if self.memory else None)
        self.faults = pages_of(self.rss_peak_bytes or 0)
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

    def fork(self, used: int | Memory | None = None) -> FakeProcess:
        """Return a child of the same name, which shares all anonymous pages until either writes.

        With ``used`` it is a child that has already got memory of its own instead, and shares
        nothing. Raises ValueError when this process has no pages to share, but other sizes.

        >>> from memstat.testing import FakeProc
        >>> parent = FakeProc().start("sh", 4 << 20)
        >>> child = parent.fork()
        >>> parent.memory.pss_bytes >> 20, child.memory.pss_bytes >> 20, child.memory.uss_bytes
        (2, 2, 0)
        >>> parent.fork(4096).memory.uss_bytes
        4096
        """
        if used is None:
            # Before there is a child that the failure would leave behind.
            self.become_pages()
        child = self._proc.start(self.name, 0 if used is None else used, parent=self)
        child.has_executed, child.family = False, self.family
        if used is None:
            child.inherit(self)
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

    def begin_to_exit(self) -> None:
        """Give up its memory. Until ``end``, its pages count for the others as shared with it.

        >>> from memstat.testing import FakeProc
        >>> parent = FakeProc().start("sh", 4 << 20)
        >>> child = parent.fork()
        >>> child.begin_to_exit()
        >>> child.memory, parent.memory.pss_bytes >> 20
        (None, 2)
        >>> child.end()
        >>> parent.memory.pss_bytes >> 20
        4
        """
        self.family, self.is_exiting = 0, True

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
        pages = self._walked()
        if pages is None or self.denied or self.unreadable is not None or self.state == "Z":
            return None
        return Glance(
            self.family,
            self._ppid,
            pages.anon_bytes,
            pages.file_bytes,
            self.faults * PAGE_BYTES,
            self.name,
            self.rss_peak_bytes,
        )

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
            pages=None if self.denied else self._walked(),
        )

    @property
    def _ppid(self) -> int:
        return self.parent.pid if self.parent else 0

    def _adopter(self) -> FakeProcess:
        ancestor = self.parent
        while ancestor is not None and not ancestor.adopts_orphans:
            ancestor = ancestor.parent
        return ancestor or self._proc.init
