"""A made-up system of processes in place of ``/proc``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Final

from memstat.errors import NoSuchProcess, NotAProcess
from memstat.model import Memory, ProcessKey
from memstat.proc.parse import Identity
from memstat.proc.source import GONE, ProcessReader, Reading
from memstat.testing.fake_process import FakeProcess
from memstat.testing.memory import memory_of, private_memory

_FIRST_PID: Final = 100


class FakeProc:
    """A system of scripted processes: a ProcSource that tells what the script did to them.

    Process 1, ``init``, is there from the start. ``start`` makes more, and the FakeProcess that it
    returns does the rest: fork, execute, grow, end. Sizes are taken as they are given: what
    processes share is for the script to share out.

    One contract holds for this and for the real ``/proc``; memstat's own tests run it on both.

    >>> from memstat.sampling.sweep import sweep_once
    >>> proc = FakeProc()
    >>> shell = proc.start("sh", 2 << 20)
    >>> worker = shell.fork(5 << 20)
    >>> sweep_once(proc, [shell.key], recursive=True).total.pss_bytes >> 20
    7
    >>> worker.denied = True
    >>> sweep_once(proc, [shell.key], recursive=True).complete
    False
    """

    def __init__(self) -> None:
        self.open_readers = 0
        """Readers that were made and not yet closed."""
        self.processes: dict[int, FakeProcess] = {}
        """Who has which PID, zombies too."""
        self._births = count(1)
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

        ``used`` is its memory; a number means so many bytes of private anonymous memory. With
        ``pid`` it gets a certain PID, such as that of a process that has ended: its start time and
        its inode are new all the same. Raises ValueError when somebody still has it.

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
        >>> proc.reader(proc.start_kernel_thread("kswapd0").key).read().status
        <ReadStatus.NO_MEMORY: 'no-memory'>
        """
        thread = self._add(None, name, None, None)
        thread.has_executed, thread.is_kernel_thread = False, True
        return thread

    def list_processes(self) -> Mapping[int, int]:
        # In the order of the kernel; a copy, too, since the script may go on in another thread.
        return {pid: process.inode for pid, process in sorted(self.processes.items())}

    def identify(self, pid: int) -> Identity | None:
        process = self.processes.get(pid) or self._process_of_thread(pid)
        return None if process is None else replace(process.identity, pid=pid)

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
        """Return a number that is neither a PID nor the id of a thread.

        >>> FakeProc().unused_id()
        100
        """
        return next(number for number in self._ids if self.identify(number) is None)

    def _process_of_thread(self, tid: int) -> FakeProcess | None:
        return next((p for p in [*self.processes.values()] if tid in p.thread_ids), None)

    def _add(
        self, pid: int | None, name: str, parent: FakeProcess | None, memory: Memory | None
    ) -> FakeProcess:
        if pid is None:
            pid = self.unused_id()
        elif self.identify(pid) is not None:
            raise ValueError(f"PID {pid} is taken")
        birth = next(self._births)
        process = FakeProcess(self, ProcessKey(pid, birth), birth, name, parent, memory)
        self.processes[pid] = process
        return process


class _FakeReader:
    def __init__(self, proc: FakeProc, key: ProcessKey) -> None:
        self._proc = proc
        self._key = key
        self._is_open = True
        proc.open_readers += 1

    def read(self) -> Reading:
        process = self._proc.find(self._key)
        return GONE if process is None else process.read()

    def close(self) -> None:
        self._proc.open_readers -= self._is_open
        self._is_open = False
