"""One set of verbs over made-up and over real processes, for tests that hold for both."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from memstat.model import ProcessKey
from memstat.proc.linux import LinuxProcSource
from memstat.proc.source import ProcSource, Reading
from memstat.testing import FakeProc, FakeProcess, private_memory
from tests.targets import Target

STEP_BYTES = 8 << 20
"""How much ``grow`` adds."""

PUPPET = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *live(void *started) {
    printf("%d\n", gettid());
    pause();
    return started;
}

int main(int argc, char **argv) {
    char line[4096], *held = NULL;
    pthread_t thread;
    pid_t child;
    size_t step = 8 << 20;
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!strcmp(line, "grow")) {
            held = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            memset(held, 1, step);
            puts("grown");
        } else if (!strcmp(line, "shrink")) {
            munmap(held, step);
            puts("shrunk");
        } else if (!strcmp(line, "fork")) {
            if (!(child = fork()))
                for (;;)
                    pause();
            printf("%d\n", child);
        } else if (!strncmp(line, "wait for ", 9)) {
            child = atoi(line + 9);
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            puts("waited");
        } else if (!strcmp(line, "thread")) {
            pthread_create(&thread, NULL, live, NULL);
        } else if (!strcmp(line, "end main thread")) {
            pthread_exit(NULL);
        } else {
            execl(line, line, (char *)NULL);
        }
    }
}
"""


class Process(Protocol):
    """What a test can do with a process."""

    @property
    def key(self) -> ProcessKey: ...
    @property
    def parent_pid(self) -> int: ...
    def fork(self) -> int: ...
    def wait_for(self, child: int) -> None: ...
    def grow(self) -> None: ...
    def shrink(self) -> None: ...
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

    def fork(self) -> int:
        return self.process.fork(STEP_BYTES).pid

    def wait_for(self, child: int) -> None:
        fake = self.proc.processes[child]
        fake.end()
        fake.reap()

    def grow(self) -> None:
        self.process.use(private_memory(self._pss_bytes() + STEP_BYTES))

    def shrink(self) -> None:
        self.process.use(private_memory(self._pss_bytes() - STEP_BYTES))

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

    def _pss_bytes(self) -> int:
        assert self.process.memory is not None
        assert self.process.memory.pss_bytes is not None
        return self.process.memory.pss_bytes


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

    @property
    def parent_pid(self) -> int:
        return os.getpid()

    def fork(self) -> int:
        return int(self._do("fork"))

    def wait_for(self, child: int) -> None:
        self._do(f"wait for {child}")

    def grow(self) -> None:
        self._do("grow")

    def shrink(self) -> None:
        self._do("shrink")

    def execute(self, name: str) -> None:
        self._do(str(self.programs.named(name)))

    def start_thread(self) -> int:
        return int(self._do("thread"))

    def end_main_thread(self) -> None:
        self.target.send("end main thread")
        # Once it has ended, it cannot report that.
        while b") Z " not in Path(f"/proc/{self.key.pid}/stat").read_bytes():
            os.sched_yield()

    def end(self) -> None:
        self.target.process.kill()
        os.waitid(os.P_PID, self.key.pid, os.WEXITED | os.WNOWAIT)

    def reap(self) -> None:
        self.target.process.wait()

    def _do(self, order: str) -> str:
        self.target.send(order)
        return self.target.line()


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
        identity = self.source.require(target.pid)
        return _Puppet(target, ProcessKey(target.pid, identity.start_ticks), self.programs)

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
