"""One set of verbs over made-up and over real processes, for tests that hold for both."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from memstat.model import ProcessKey
from memstat.proc.linux import LinuxProcSource
from memstat.proc.source import ProcSource, Reading
from memstat.testing import FakeProc, FakeProcess
from tests.targets import Target

STEP_BYTES = 8 << 20
"""How much ``grow`` adds, and how long a file is that is mapped."""

A_FEW_PAGES = 1 << 17
"""A program that has answered still touches some on the way back to waiting for orders."""
COUNTED_PER_CPU = 1 << 19
"""By so much the kernel's mark of RSS may lag: it is kept from counters per CPU."""


class Process(Protocol):
    """What a test can do with a process."""

    @property
    def key(self) -> ProcessKey: ...
    @property
    def parent_pid(self) -> int: ...
    def fork(self) -> Process: ...
    def wait_for(self, child: Process) -> None: ...
    def grow(self) -> None: ...
    def shrink(self) -> None: ...
    def write(self, size_bytes: int) -> None: ...
    def map_file(self, name: str) -> None: ...
    def unmap_file(self, name: str) -> None: ...
    def execute(self, name: str) -> None: ...
    def start_thread(self) -> int: ...
    def end_main_thread(self) -> None: ...
    def end(self) -> None: ...
    def reap(self) -> None: ...


class World(Protocol):
    """Where processes live, and the source that is under test."""

    @property
    def source(self) -> ProcSource: ...
    @property
    def splits_pss(self) -> bool: ...
    def start(self, name: str) -> Process: ...
    def kernel_thread(self) -> ProcessKey: ...
    def former_owner(self, process: Process) -> ProcessKey: ...
    def read_as_stranger(self, process: Process) -> Reading: ...


@dataclass
class _FakePuppet:
    proc: FakeProc
    process: FakeProcess

    @property
    def key(self) -> ProcessKey:
        return self.process.key

    @property
    def parent_pid(self) -> int:
        return self.process.identity.ppid

    def fork(self) -> _FakePuppet:
        return _FakePuppet(self.proc, self.process.fork())

    def wait_for(self, child: Process) -> None:
        child.end()
        child.reap()

    def grow(self) -> None:
        self.process.grow(STEP_BYTES)

    def shrink(self) -> None:
        self.process.release(STEP_BYTES)

    def write(self, size_bytes: int) -> None:
        self.process.write(size_bytes)

    def map_file(self, name: str) -> None:
        self.process.map_file(name, STEP_BYTES)

    def unmap_file(self, name: str) -> None:
        self.process.unmap_file(name)

    def execute(self, name: str) -> None:
        self.process.execute(name, STEP_BYTES)

    def start_thread(self) -> int:
        return self.process.start_thread()

    def end_main_thread(self) -> None:
        self.process.end_main_thread()

    def end(self) -> None:
        self.process.end()

    def reap(self) -> None:
        self.process.reap()


@dataclass
class FakeWorld:
    """FakeProc."""

    source: FakeProc = field(default_factory=FakeProc)
    splits_pss: bool = True

    def start(self, name: str) -> _FakePuppet:
        return _FakePuppet(self.source, self.source.start(name, STEP_BYTES))

    def kernel_thread(self) -> ProcessKey:
        return self.source.start_kernel_thread("kthreadd").key

    def former_owner(self, process: Process) -> ProcessKey:
        process.end()
        process.reap()
        self.source.start("heir", STEP_BYTES, pid=process.key.pid)
        return process.key

    def read_as_stranger(self, process: Process) -> Reading:
        fake = self.source.find(process.key)
        assert fake is not None
        fake.denied = True
        return fake.read()


@dataclass
class _Puppet:
    target: Target
    key: ProcessKey
    programs: _Programs
    source: LinuxProcSource

    @property
    def parent_pid(self) -> int:
        return os.getpid()

    def fork(self) -> _Child:
        key = self.source.require(int(self._do("fork"))).key
        return _Child(self.target, key, self.programs, self.source, self)

    def wait_for(self, child: Process) -> None:
        self._do(f"wait for {child.key.pid}")

    def grow(self) -> None:
        self._do("grow")

    def shrink(self) -> None:
        self._do("shrink")

    def write(self, size_bytes: int) -> None:
        self._do(f"write {size_bytes}")

    def map_file(self, name: str) -> None:
        self._do(f"map {self.programs.file(name)}")

    def unmap_file(self, name: str) -> None:
        del name  # the one that it maps
        self._do("unmap")

    def execute(self, name: str) -> None:
        self._do(str(self.programs.named(name)))

    def start_thread(self) -> int:
        return int(self._do("thread"))

    def end_main_thread(self) -> None:
        self.target.send("end main thread")
        # Once it has ended, it cannot report that.
        self._wait_until_zombie()

    def end(self) -> None:
        self.target.process.kill()
        os.waitid(os.P_PID, self.key.pid, os.WEXITED | os.WNOWAIT)

    def reap(self) -> None:
        self.target.process.wait()

    def _wait_until_zombie(self) -> None:
        while b") Z " not in Path(f"/proc/{self.key.pid}/stat").read_bytes():
            os.sched_yield()

    def _do(self, order: str) -> str:
        self.target.send(order)
        return self.target.line()


@dataclass
class _Child(_Puppet):
    """A child of a puppet, the last one that it has forked: it is given orders by its parent."""

    parent: _Puppet

    @property
    def parent_pid(self) -> int:
        return self.parent.key.pid

    def end(self) -> None:
        os.kill(self.key.pid, signal.SIGKILL)
        self._wait_until_zombie()

    def reap(self) -> None:
        self.parent.wait_for(self)

    def _do(self, order: str) -> str:
        return self.parent._do(f"child {order}")


@dataclass
class _Programs:
    """The puppet under many names."""

    program: Path
    directory: Path

    def named(self, name: str) -> Path:
        path = self.directory / name
        if not path.is_symlink():
            path.symlink_to(self.program)
        return path

    def file(self, name: str) -> Path:
        """Return a file that can be mapped."""
        path = self.directory / name
        if not path.exists():
            path.write_bytes(b"x" * STEP_BYTES)
        return path


@dataclass
class LinuxWorld:
    """The real ``/proc``."""

    source: LinuxProcSource
    programs: _Programs
    start_target: Callable[..., Target]

    @property
    def splits_pss(self) -> bool:
        return self.source.use_rollup

    def start(self, name: str) -> _Puppet:
        target = self.start_target(str(self.programs.named(name)))
        assert target.line() == "ready"
        key = self.source.require(target.pid).key
        return _Puppet(target, key, self.programs, self.source)

    def kernel_thread(self) -> ProcessKey:
        identity = self.source.identify(2)
        if identity is None or identity.ppid != 0:
            pytest.skip("no kernel thread in this PID namespace")
        return ProcessKey(2, identity.start_ticks)

    def former_owner(self, process: Process) -> ProcessKey:
        # As if the process had got its PID from one that started earlier.
        return ProcessKey(process.key.pid, process.key.start_ticks - 1)

    def read_as_stranger(self, process: Process) -> Reading:
        if os.geteuid() != 0:
            pytest.skip("only root can become another user")
        reader = self.source.reader(process.key)
        with effective_user("nobody"):
            return reader.walk()


@contextmanager
def effective_user(name: str) -> Iterator[None]:
    """Be another user inside the block, without the capabilities of root."""
    before = os.geteuid()
    os.seteuid(pwd.getpwnam(name).pw_uid)
    try:
        yield
    finally:
        os.seteuid(before)


def linux_world(
    source: LinuxProcSource, program: Path, directory: Path, start: Callable[..., Target]
) -> LinuxWorld:
    """Return a world in which ``start`` starts ``program`` under names made in ``directory``."""
    return LinuxWorld(source, _Programs(program, directory), start)
