"""Processes that use one address space and are no parent and child: it counts once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memstat.model import ReadStatus, Snapshot
from memstat.proc.address_space import shares_address_space
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.clock import Tick
from memstat.sampling.policy import Policy
from memstat.sampling.sweep import Sweeper
from tests.scopes import scope_of
from tests.targets import Target

MIB = 1 << 20
# A parent with a child of 50 MiB, which makes a sibling that uses the same memory. A line ends the
# child, a second one has the sibling execute cat.
SIBLINGS = r"""
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static char stack[65536];
static int at_end[2];
static int sibling(void *unused) {
    char byte;
    read(at_end[0], &byte, 1);
    execlp("cat", "cat", NULL);
    _exit(1);
}
int main(void) {
    char line[8];
    int report[2], end[2];
    if (pipe(report) || pipe(end) || pipe(at_end)) return 1;
    pid_t child = fork();
    if (child == 0) {
        volatile char *held = malloc(50 << 20);
        for (int at = 0; at < 50 << 20; at += 4096) held[at] = 1;
        pid_t other = clone(sibling, stack + sizeof stack, CLONE_VM | CLONE_PARENT | 17, NULL);
        write(report[1], &other, sizeof other);
        read(end[0], line, 1);
        _exit(0);
    }
    pid_t other;
    read(report[0], &other, sizeof other);
    printf("%d %d\n", child, other);
    fflush(stdout);
    fgets(line, sizeof line, stdin);
    write(end[1], "", 1);
    waitpid(child, NULL, 0);
    puts("ended");
    fflush(stdout);
    fgets(line, sizeof line, stdin);
    write(at_end[1], "", 1);
    waitpid(other, NULL, 0);
}
"""


@pytest.mark.parametrize("policy", [Policy(exact=True), Policy(), Policy(budget=0)])
def test_siblings_that_share_their_memory_count_once(
    policy: Policy, start: Callable[..., Target], c_program: Callable[[str], Path]
) -> None:
    target = start(str(c_program(SIBLINGS)))
    child, sibling = map(int, target.line().split())
    if shares_address_space(child, sibling) is None:
        pytest.skip("kcmp(2) is not available here: which processes share memory is unknown")
    source = LinuxProcSource()
    sweeper = Sweeper(source, scope_of(source.require(target.pid).key), policy, 0.1)
    for _ in range(2):
        snapshot = swept(sweeper)
        statuses = {p.key.pid: p.status for p in snapshot.processes}
        assert statuses[child] is ReadStatus.MEASURED
        assert statuses[sibling] is ReadStatus.NO_MEMORY
        assert is_about_50_mib(snapshot)
    # Once the other has ended, the memory is its own.
    target.send()
    assert target.line() == "ended"
    for _ in range(2):
        snapshot = swept(sweeper)
        assert [p.key.pid for p in snapshot.processes] == [target.pid, sibling]
        assert snapshot.processes[1].status is ReadStatus.MEASURED
        assert is_about_50_mib(snapshot)
    sweeper.close()


def swept(sweeper: Sweeper) -> Snapshot:
    sweep = sweeper.begin()
    sweep.drain()
    return sweep.finish(Tick(0, 0.0, 0), 0.0)


def is_about_50_mib(snapshot: Snapshot) -> bool:
    low, high = snapshot.total.pss_low_bytes, snapshot.total.pss_high_bytes
    assert low is not None
    assert high is not None
    return high >= 50 * MIB and low <= 53 * MIB and high - low < 2 * MIB
