"""Many processes of 1 MiB to measure, which use more memory between two sweeps on request.

They are forked from one another, and so of one family, or each calls ``execve`` and shares nothing.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.targets import Target, compile_c, python

_IN_C = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, PAGE = 4096, FRESH = 16 };

static char *map(size_t size) {
    void *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) _exit(1);
    return at;
}

static void live(int done, const sigset_t *go) {
    memset(map(MIB), 1, MIB);
    char *fresh = map(FRESH * PAGE);
    for (int used = 0, signal;; used++) {
        if (write(done, "", 1) != 1 || sigwait(go, &signal)) _exit(1);
        if (used % FRESH == 0) madvise(fresh, FRESH * PAGE, MADV_DONTNEED);
        fresh[used % FRESH * PAGE] = 1;
    }
}

static void become_unrelated(const char *program, int done) {
    char number[16];
    snprintf(number, sizeof number, "%d", done);
    execl(program, program, "live", number, (char *)0);
    _exit(1);
}

static void await(int done, int count) {
    char bytes[4096];
    while (count > 0) {
        ssize_t got = read(done, bytes, count < 4096 ? count : 4096);
        if (got <= 0) exit(1);
        count -= got;
    }
}

int main(int argc, char **argv) {
    sigset_t go;
    sigemptyset(&go);
    sigaddset(&go, SIGUSR1);
    sigprocmask(SIG_BLOCK, &go, 0);
    if (!strcmp(argv[1], "live")) live(atoi(argv[2]), &go);
    int others = atoi(argv[1]) - 1, unrelated = argc > 2, busy, pipes[2];
    pid_t *pids = malloc((others + 1) * sizeof *pids);
    if (!pids || pipe(pipes)) return 1;
    for (int i = 0; i < others; i++) {
        pids[i] = fork();
        if (pids[i] < 0) return 1;
        if (pids[i] == 0 && unrelated) become_unrelated(argv[0], pipes[1]);
        if (pids[i] == 0) live(pipes[1], &go);
    }
    memset(map(MIB), 1, MIB);
    await(pipes[0], others);
    puts("ready");
    fflush(stdout);
    while (scanf("%d", &busy) == 1) {
        for (int i = 0; i < busy && i < others; i++) kill(pids[i], SIGUSR1);
        await(pipes[0], busy < others ? busy : others);
        puts("done");
        fflush(stdout);
    }
    for (int i = 0; i < others; i++) kill(pids[i], SIGKILL);
    while (wait(0) > 0) continue;
}
"""

_IN_PYTHON = r"""
import mmap, os, signal, sys

def live(done):
    memory = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE)
    memory[:] = b"1" * len(memory)
    fresh = mmap.mmap(-1, 16 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE)
    used = 0
    while True:
        os.write(done, b"1")
        signal.sigwait({signal.SIGUSR1})
        if used % 16 == 0:
            fresh.madvise(mmap.MADV_DONTNEED)
        fresh[used % 16 * mmap.PAGESIZE] = 1
        used += 1

def wait_for(done, count):
    while count:
        count -= len(os.read(done, count))

others = int(sys.argv[1]) - 1
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
done, done_by_child = os.pipe()
pids = []
for _ in range(others):
    pid = os.fork()
    if pid == 0:
        live(done_by_child)
    pids.append(pid)
memory = bytearray(b"1") * (1 << 20)
wait_for(done, others)
print("ready")
for line in sys.stdin:
    for pid in pids[:int(line)]:
        os.kill(pid, signal.SIGUSR1)
    wait_for(done, min(others, int(line)))
    print("done")
for pid in pids:
    os.kill(pid, signal.SIGKILL)
for pid in pids:
    os.waitpid(pid, 0)
"""


class Herd:
    """``size`` processes, one of them the parent of the others."""

    def __init__(self, target: Target, size: int) -> None:
        self._target = target
        self.size = size

    @property
    def pid(self) -> int:
        return self._target.pid

    def pids(self) -> list[int]:
        """Return every process of the herd."""
        return [self.pid, *(child.pid for child in psutil.Process(self.pid).children())]

    def stir(self, percent: int) -> None:
        """Let so many of the children write to a fresh page, and wait until they have."""
        if percent:
            self._target.send(str(-(-self.size * percent // 100)))
            self._target.line()


@contextmanager
def herd_of(size: int, *, in_c: bool | None = None, unrelated: bool = False) -> Iterator[Herd]:
    """Start a herd that ends with the block; written in C where there is a compiler.

    An unrelated one needs a compiler.
    """
    with tempfile.TemporaryDirectory() as directory:
        compiled = unrelated or shutil.which("cc") is not None if in_c is None else in_c
        program = [str(compile_c(_IN_C, Path(directory)))] if compiled else python(_IN_PYTHON)
        target = Target.start(*program, str(size), *(["unrelated"] if unrelated else []))
        try:
            target.line()
            yield Herd(target, size)
            # Let it wait for its children: init may be slow to, and zombies burden every listing.
            target.process.communicate()
        finally:
            target.kill()
