"""Real programs to measure. Each prints a line when it has reached the state to be measured."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Target:
    """A running program, the leader of a process group of its own."""

    process: subprocess.Popen[bytes]
    has_been_sent: bool = field(default=False, init=False)
    """Whether a line was written to its stdin: at the first snapshot, which need not be tick 0."""

    @classmethod
    def start(cls, *command: str, **options: Any) -> Target:
        """Start a command with pipes for stdin and stdout."""
        return cls(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                **options,
            )
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self) -> str:
        """Wait for the next line of its stdout."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the target ended with {self.process.wait()}"
        return line.decode().strip()

    def send(self, line: str = "go") -> None:
        """Write a line to its stdin."""
        assert self.process.stdin is not None
        self.has_been_sent = True
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """Kill its process group and wait for it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


def python(source: str) -> tuple[str, ...]:
    """Return the command that runs Python source, unbuffered.

    It has the standard library alone: to look for more is a third of its start.
    """
    return (sys.executable, "-S", "-u", "-c", source)


def python_with_packages(source: str) -> tuple[str, ...]:
    """Return the command that runs Python source which imports memstat or others, unbuffered."""
    return (sys.executable, "-u", "-c", source)


def compile_c(source: str, directory: Path) -> Path:
    """Compile C source into a program; once for equal sources."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    program = directory / f"program-{digest}"
    with open(directory / f"{program.name}.lock", "w") as lock:
        # Another worker may be at it: a program that is half written cannot be executed.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            subprocess.run(
                ["cc", "-O1", "-pthread", "-o", program, "-x", "c", "-"],
                input=source.encode(),
                check=True,
            )
    return program


def memstat(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the installed memstat command to its end."""
    return subprocess.run(
        [memstat_path(), *arguments],
        capture_output=options.pop("capture_output", True),
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def memstat_path() -> str:
    """Return the path of the installed command."""
    return str(Path(sys.executable).with_name("memstat"))


def memstat_python_path() -> str:
    """Return the path of what the installed command becomes: Python alone, without the shell."""
    return f"{memstat_path()}-python"


def search_path() -> str:
    """Return a PATH on which the installed command and its Python come first."""
    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def children_of(pid: int) -> set[int]:
    """Return the PIDs of the children of a process, of those that have ended too."""
    with suppress(FileNotFoundError):
        return {child for thread in os.listdir(f"/proc/{pid}/task") for child in _of(pid, thread)}
    return set()


def descendants_of(pid: int) -> set[int]:
    """Return the PIDs of all that have a process for an ancestor, of those that have ended too."""
    children = children_of(pid)
    return children.union(*map(descendants_of, children))


def _of(pid: int, thread: str) -> list[int]:
    """Return the children that a thread has started."""
    with suppress(FileNotFoundError, ProcessLookupError):
        # With os.open: of a thread that has just ended, that says it is not there.
        fd = os.open(f"/proc/{pid}/task/{thread}/children", os.O_RDONLY)
        try:
            return [*map(int, os.read(fd, 1 << 16).split())]
        finally:
            os.close(fd)
    return []


MAIN_THREAD_GONE = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void fill(volatile char *memory, long size) {
    for (long at = 0; at < size; at += 1024)
        memory[at] = 1;
}
static pthread_t first;
static void *live(void *unused) {
    fill(malloc(30 << 20), 30 << 20);
    pthread_join(first, NULL);
    puts("ready");
    fflush(stdout);
    pause();
    return NULL;
}
int main(void) {
    pthread_t other;
    first = pthread_self();
    pthread_create(&other, NULL, live, NULL);
    pthread_exit(NULL);
}
"""
"""Its main thread has ended when it prints ``ready``; another holds 30 MiB."""

MANY_THREADS = r"""
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void fill(volatile char *memory, long size) {
    for (long at = 0; at < size; at += 1024)
        memory[at] = 1;
}
static pthread_barrier_t all;
static void *live(void *unused) {
    char held[64 << 10];
    fill(held, sizeof held);
    pthread_barrier_wait(&all);
    pause();
    return NULL;
}
int main(void) {
    pthread_barrier_init(&all, NULL, 201);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, live, NULL);
    }
    pthread_barrier_wait(&all);
    puts("ready");
    fflush(stdout);
    pause();
}
"""
"""200 threads with 64 KiB of stack in use each."""

CROWD = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
static void fill(volatile char *memory, long size) {
    for (long at = 0; at < size; at += 1024)
        memory[at] = 1;
}
int main(int argc, char **argv) {
    int ready[2];
    char one = 0;
    pipe(ready);
    for (int i = 0; i < atoi(argv[1]); i++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            fill(malloc(1 << 20), 1 << 20);
            write(ready[1], &one, 1);
            pause();
        }
    for (int i = 0; i < atoi(argv[1]); i++)
        read(ready[0], &one, 1);
    puts("ready");
    fflush(stdout);
    pause();
}
"""
"""As many children as its argument says, with 1 MiB each."""

STORM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    getchar();
    for (int i = 0; i < atoi(argv[1]); i++) {
        if (fork() == 0)
            _exit(0);
        if (i % 20 == 19)
            while (wait(NULL) > 0);
    }
}
"""
"""As many children as its argument says, 20 at a time, each gone at once."""


VARIOUS = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <unistd.h>
#define MIB (1 << 20)
static void touch(volatile char *at, size_t size) {
    for (size_t i = 0; i < size; i += 1024)
        (void)at[i];
}
static char *map(size_t size, int flags, int file) {
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, file, 0);
    madvise(at, size, MADV_NOHUGEPAGE);
    memset(at, 1, size);
    return at;
}
static void *live(void *ready) {
    char held[MIB];
    memset(held, 1, sizeof held);
    touch(held, sizeof held);
    pthread_barrier_wait(ready);
    pause();
    return NULL;
}
int main(int argc, char **argv) {
    char byte, *named, *made;
    int file, pool, report[2];
    pthread_t thread;
    pthread_barrier_t ready;
    memset(sbrk(3 * MIB), 1, 3 * MIB);
    named = map(2 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, 2 * MIB, "arena");
    file = open(argv[1], O_RDWR | O_CREAT, 0600);
    ftruncate(file, 4 * MIB);
    map(4 * MIB, MAP_SHARED, file);
    pool = memfd_create(argv[2], 0);
    ftruncate(pool, 8 * MIB);
    char *memfd = map(8 * MIB, MAP_SHARED, pool);
    map(5 * MIB, MAP_SHARED | MAP_ANONYMOUS, -1);
    int segment = shmget(IPC_PRIVATE, 6 * MIB, IPC_CREAT | 0600);
    memset(made = shmat(segment, NULL, 0), 1, 6 * MIB);
    shmctl(segment, IPC_RMID, NULL);
    pipe(report);
    if (!fork()) {
        prctl(PR_SET_PDEATHSIG, 9);
        touch(memfd, 8 * MIB);
        write(report[1], &byte, 1);
        pause();
    }
    read(report[0], &byte, 1);
    pthread_barrier_init(&ready, NULL, 2);
    pthread_create(&thread, NULL, live, &ready);
    pthread_barrier_wait(&ready);
    puts("ready");
    fflush(stdout);
    pause();
}
"""
"""Memory of every kind. Its arguments are a file, of which it maps 4 MiB, and the name of a memfd
of 8 MiB, which its child maps too. Besides: 3 MiB of heap, 2 MiB with a name, 5 MiB of shared
anonymous memory, 6 MiB of System V, and a thread with 1 MiB of stack."""


AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
"""In front of a command: run it as a user without any rights."""


def run_as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run memstat to its end as that user."""
    return subprocess.run(
        [*AS_NOBODY, memstat_python_path(), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _why_not_as_nobody() -> str:
    """Return why this Python cannot be run as another user; empty when it can."""
    if os.geteuid() != 0:
        return "only root can become another user"
    done = subprocess.run([*AS_NOBODY, sys.executable, "-c", ""], capture_output=True, check=False)
    return "" if done.returncode == 0 else "other users cannot read the files of this Python"


_WHY_NOT = _why_not_as_nobody()
needs_nobody = pytest.mark.skipif(bool(_WHY_NOT), reason=_WHY_NOT)
"""Marks a test that runs Python as another user."""
