"""One made-up process and what can become of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from memstat.model import Memory, ProcessKey, ReadStatus
from memstat.proc.parse import Identity
from memstat.proc.source import Reading
from memstat.testing.memory import memory_of

if TYPE_CHECKING:
    from memstat.testing.fake_proc import FakeProc


@dataclass(eq=False, slots=True, repr=False)
class FakeProcess:
    """One process of a FakeProc. Its fields may be set; the next read tells."""

    _proc: FakeProc
    key: ProcessKey
    inode: int
    """New for every process, like the inode of a directory of ``/proc``."""
    name: str
    parent: FakeProcess | None
    """``None`` for those that the kernel started."""
    memory: Memory | None
    """``None`` for a zombie or a kernel thread. Set it by ``use``."""
    denied: bool = False
    """Whether its memory may not be read; its name, its parent and its RSS may."""
    adopts_orphans: bool = False
    """Whether it is a child subreaper: orphaned descendants become its children, not init's."""
    error: Exception | None = None
    """What reading it raises."""
    state: str = "S"
    has_executed: bool = True
    """Whether it has called ``execve`` since it was forked."""
    is_kernel_thread: bool = False
    thread_ids: list[int] = field(default_factory=list)
    """Of its threads beside the main one."""
    rss_peak_bytes: int | None = None

    def __post_init__(self) -> None:
        self.rss_peak_bytes = self.memory.rss_bytes if self.memory else None

    def __repr__(self) -> str:
        return f"<FakeProcess {self.pid} {self.name!r} {self.state}>"

    @property
    def pid(self) -> int:
        """Its PID, that of its key."""
        return self.key.pid

    @property
    def identity(self) -> Identity:
        """Who it is, as its ``stat`` file would tell."""
        return Identity(
            pid=self.pid,
            ppid=self._ppid,
            start_ticks=self.key.start_ticks,
            name=self.name,
            state=self.state,
            threads=1 + len(self.thread_ids),
            has_executed=self.has_executed,
            is_kernel_thread=self.is_kernel_thread,
        )

    def fork(self, used: int | Memory) -> FakeProcess:
        """Return a child of the same name.

        >>> from memstat.testing import FakeProc
        >>> FakeProc().init.fork(4096).name
        'init'
        """
        child = self._proc.start(self.name, used, parent=self)
        child.has_executed = False
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
        self.state, self.has_executed = "S", True
        self.name, self.rss_peak_bytes = name, None
        self.use(used)

    def use(self, used: int | Memory) -> None:
        """Use so much memory from now on; a number means bytes of private anonymous memory.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("sh", 8192)
        >>> process.use(4096)
        >>> process.memory.pss_bytes, process.rss_peak_bytes
        (4096, 8192)
        """
        self.memory = memory_of(used)
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
        return tid

    def end_main_thread(self) -> None:
        """End the main thread alone: it looks like a zombie from outside, and is none.

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
        """End: a zombie without memory until ``reap``. Who adopts orphans gets its children.

        >>> from memstat.testing import FakeProc
        >>> parent = FakeProc().start("sh", 4096)
        >>> child = parent.fork(4096)
        >>> parent.end()
        >>> child.parent
        <FakeProcess 1 'init' S>
        """
        self.thread_ids.clear()
        self.state, self.memory, self.rss_peak_bytes = "Z", None, None
        adopter = self._adopter()
        for process in [*self._proc.processes.values()]:
            if process.parent is self:
                process.parent = adopter

    def reap(self) -> None:
        """Vanish, after the parent has waited for it. Raises ValueError before ``end``.

        >>> from memstat.testing import FakeProc
        >>> process = FakeProc().start("sh", 4096)
        >>> process.reap()
        Traceback (most recent call last):
        ValueError: <FakeProcess 100 'sh' S> has not ended
        """
        if self.identity.is_alive:
            raise ValueError(f"{self!r} has not ended")
        del self._proc.processes[self.pid]

    def read(self) -> Reading:
        """Return what a reader of it tells, or raise ``error``."""
        if self.error is not None:
            raise self.error
        memory = self.memory
        if memory is None:
            return Reading(ReadStatus.NO_MEMORY, self.name, self._ppid)
        status = ReadStatus.MEASURED
        if self.denied:
            status, memory = ReadStatus.DENIED, Memory(rss_bytes=memory.rss_bytes)
        return Reading(status, self.name, self._ppid, memory, self.rss_peak_bytes)

    @property
    def _ppid(self) -> int:
        return self.parent.pid if self.parent else 0

    def _adopter(self) -> FakeProcess:
        ancestor = self.parent
        while ancestor is not None and not ancestor.adopts_orphans:
            ancestor = ancestor.parent
        return ancestor or self._proc.init
