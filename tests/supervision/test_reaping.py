"""Orphans are reaped as soon as they have ended, whatever the interval, and only they."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

import memstat
from memstat.proc.children import children, first_ended_child
from tests.targets import Target, memstat_path, python

ORPHANS = "500"

# Each orphan is forked by a child that ends at once; the next one when that has been reaped.
SHORT_ORPHANS = r"""
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int ends[2];
    pid_t orphan;
    if (pipe(ends))
        return 1;
    for (int i = 0; i < atoi(argv[1]); i++) {
        pid_t child = fork();
        if (child == 0) {
            pid_t pid = fork();
            if (pid && write(ends[1], &pid, sizeof pid) != sizeof pid)
                abort();
            _exit(0);
        }
        waitpid(child, NULL, 0);
        if (read(ends[0], &orphan, sizeof orphan) != sizeof orphan)
            return 1;
        while (kill(orphan, 0) == 0)
            sched_yield();
    }
    puts("all gone");
}
"""


@pytest.fixture
def short_orphans(c_program: Callable[[str], Path]) -> str:
    return str(c_program(SHORT_ORPHANS))


AS_PROCESS_1 = ("unshare", "--fork", "--pid", "--mount-proc")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has PID namespaces")


@pytest.mark.parametrize(
    ("under", "options"),
    [
        pytest.param((), ["-r"], id="subreaper"),
        pytest.param(AS_PROCESS_1, ["-r"], id="process 1, -r", marks=needs_root),
        pytest.param(AS_PROCESS_1, [], id="process 1", marks=needs_root),
    ],
)
def test_orphans_never_pile_up(
    short_orphans: str, under: tuple[str, ...], options: list[str]
) -> None:
    command = [short_orphans, ORPHANS]
    done = subprocess.run(
        [*under, memstat_path(), "run", "--no-peak", "-i60", *options, "--", *command],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "all gone\n", "")


def test_the_commands_end_hides_no_orphan(start: Callable[..., Target]) -> None:
    # The orphan and the command end together, and another orphan keeps the run going.
    command = """
import os, signal
reading, writing = os.pipe()
for _ in range(2):
    child = os.fork()
    if child == 0:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        os.write(writing, b'%d ' % pid)
        os._exit(0)
    os.waitpid(child, 0)
pids = os.read(reading, 100).split()
print(*map(int, pids))
input()
os.kill(int(pids[0]), signal.SIGKILL)
"""
    running = start(memstat_path(), "run", "-r", "-i60", "--wait-all", "--", *python(command))
    first, second = map(int, running.line().split())
    running.send()
    while psutil.pid_exists(first):
        os.sched_yield()
    os.kill(second, signal.SIGKILL)
    assert running.process.wait(timeout=60) == 0


def test_a_child_that_has_ended_is_listed_until_it_is_waited_for() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert first_ended_child() == child.pid
    assert child.pid in children()
    assert child.wait() == 0
    assert child.pid not in children()


@pytest.mark.anyio
async def test_a_host_keeps_its_handler_and_its_ended_children(short_orphans: str) -> None:
    def handler(*_: Any) -> None: ...

    before = signal.signal(signal.SIGCHLD, handler)
    own = subprocess.Popen(["sh", "-c", "exit 7"])
    os.waitid(os.P_PID, own.pid, os.WEXITED | os.WNOWAIT)
    try:
        with anyio.fail_after(60):
            # Its child that has ended stands before every orphan.
            async with memstat.supervise(
                [short_orphans, "5"],
                interval_s=60,
                stdout=subprocess.DEVNULL,
                subreaper=True,
            ) as running:
                assert signal.getsignal(signal.SIGCHLD) is handler
                await running.wait()
        assert signal.getsignal(signal.SIGCHLD) is handler
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert running.result.exit_status == 0
    assert own.wait() == 7
