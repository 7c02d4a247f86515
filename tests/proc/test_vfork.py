"""A child of vfork(2) lives in its parent's memory: it must not be counted twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memstat.model import ProcessKey, ReadStatus
from memstat.proc.address_space import shares_address_space
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.sweep import sweep_once
from tests.scopes import scope_of
from tests.targets import Target

# The child waits in its parent's memory for a line, then executes cat, which echoes another.
VFORK = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    char *held = malloc(50 << 20);
    memset(held, 1, 50 << 20);
    pid_t pid = vfork();
    if (pid == 0) {
        char line[1], name[16];
        int length = sprintf(name, "%d\n", getpid());
        write(1, name, length);
        while (read(0, line, 1) == 1 && line[0] != '\n');
        execlp("cat", "cat", NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}
"""


@pytest.fixture
def borrower(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> tuple[Target, ProcessKey]:
    """A parent and its child between vfork and execve."""
    target = start(str(c_program(VFORK)))
    child = LinuxProcSource().require(int(target.line()))
    if shares_address_space(child.pid, target.pid) is None:
        pytest.skip("kcmp(2) is not available here: which processes share memory is unknown")
    return target, ProcessKey(child.pid, child.start_ticks)


def test_memory_that_a_child_of_vfork_borrows_is_counted_once(
    borrower: tuple[Target, ProcessKey],
) -> None:
    target, child = borrower
    source = LinuxProcSource()
    parent = source.require(target.pid)
    snapshot = sweep_once(source, scope_of(ProcessKey(parent.pid, parent.start_ticks)))
    assert [p.status for p in snapshot.processes] == [ReadStatus.MEASURED, ReadStatus.NO_MEMORY]
    assert snapshot.processes[1].key == child
    assert snapshot.total.pss_bytes == snapshot.processes[0].memory.pss_bytes
    assert snapshot.complete


@pytest.mark.parametrize("kernel_tells", [True, False])
def test_after_execve_its_own_memory_is_read(
    borrower: tuple[Target, ProcessKey], *, kernel_tells: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, child = borrower
    if not kernel_tells:
        # Docker's default seccomp profile forbids kcmp.
        monkeypatch.setattr("memstat.proc.reader.shares_address_space", lambda *_: None)
    reader = LinuxProcSource().reader(child)
    before = reader.walk()
    assert before.status is (ReadStatus.NO_MEMORY if kernel_tells else ReadStatus.MEASURED)
    target.send()
    target.send("executed")
    assert target.line() == "executed"
    after = reader.walk()
    reader.close()
    assert after.status is ReadStatus.MEASURED
    assert after.name == "cat"
    assert after.memory.pss_bytes is not None
    assert after.memory.pss_bytes < 10 << 20
