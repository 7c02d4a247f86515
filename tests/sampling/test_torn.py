"""Sweeps during which processes that share memory come and go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.model import Memory, ReadStatus, Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.results import Limit
from memstat.sampling.clock import Tick
from memstat.sampling.stats import RunningStats
from memstat.sampling.sweep import Sweeper, sweep_once
from memstat.sampling.tally import RunningPeak, Tally
from memstat.sampling.torn import is_worth_repeating, tolerance_bytes
from memstat.testing import FakeProc, FakeProcess, private_memory, snapshot_of
from tests.scopes import scope_of
from tests.targets import Target

MIB = 1 << 20
TICK = Tick(0, 0.0, 0)

# Families of made-up processes, held to the truth


@dataclass
class Family:
    """Processes that share the pages which they had at a fork."""

    proc: FakeProc
    members: list[FakeProcess] = field(default_factory=list)

    def start(self, size: int) -> FakeProcess:
        return self._join(self.proc.start("root", size * MIB))

    def fork(self, parent: FakeProcess) -> FakeProcess:
        return self._join(parent.fork())

    def end(self, process: FakeProcess) -> None:
        self.members.remove(process)
        process.end()
        process.reap()

    @property
    def total_bytes(self) -> int:
        return sum(pss_of(process) for process in self.members)

    def _join(self, process: FakeProcess) -> FakeProcess:
        self.members.append(process)
        return process


def pss_of(process: FakeProcess) -> int:
    assert process.memory is not None
    assert process.memory.pss_bytes is not None
    return process.memory.pss_bytes


Script = Sequence[Sequence[tuple[Callable[[Family, int], None], int]]]


def fork_some(family: Family, _: int) -> None:
    """Fork the first, which is read first: what is born and dies unseen, its parent notices."""
    family.fork(family.members[0])


def end_some(family: Family, which: int) -> None:
    if len(family.members) > 1:
        family.end(family.members[1 + which % (len(family.members) - 1)])


def execute_some(family: Family, which: int) -> None:
    if len(family.members) > 1:
        family.members[1 + which % (len(family.members) - 1)].execute("other", MIB)


STEPS = st.tuples(st.sampled_from([fork_some, end_some, execute_some]), st.integers(0, 20))


@given(
    st.integers(1, 60),
    st.integers(0, 6),
    st.lists(st.lists(STEPS, max_size=2), max_size=8),
    st.booleans(),
)
def test_a_total_that_is_not_torn_is_that_of_some_moment(
    size: int,
    children: int,
    script: Script,
    swept_before: bool,  # noqa: FBT001
) -> None:
    family = Family(FakeProc())
    root = family.start(size)
    for _ in range(children):
        family.fork(root)
    sweeper = Sweeper(family.proc, scope_of(root.key))
    if swept_before:
        drained(sweeper)
    sweep = sweeper.begin()
    truths = [family.total_bytes]
    for steps in script:
        if (tracked := sweep._take()) is not None:
            tracked.walk()
        for step, which in steps:
            step(family, which)
            truths.append(family.total_bytes)
    sweep.drain()
    snapshot = sweep.finish(TICK, 0.0)
    total = snapshot.total.pss_bytes
    assert total is not None
    lost = sum(p.status is ReadStatus.GONE for p in snapshot.processes) * MIB
    low, high = snapshot.total.pss_low_bytes, snapshot.total.pss_high_bytes
    assert low is not None
    assert high is not None
    # What each counts is cut to whole kB; an execve takes a mebibyte of its own.
    slack = tolerance_bytes(total) + lost + 1024 * len(snapshot.processes) + MIB * len(truths)
    if not snapshot.torn:
        assert min(truths) - slack <= total <= max(truths) + slack


def drained(sweeper: Sweeper) -> Snapshot:
    sweep = sweeper.begin()
    sweep.drain()
    return sweep.finish(TICK, 0.0)


@pytest.fixture
def family() -> Family:
    return Family(FakeProc())


def test_a_quiet_family_is_not_torn(family: Family) -> None:
    root = family.start(100)
    for _ in range(4):
        family.fork(root)
    sweeper = Sweeper(family.proc, scope_of(root.key))
    for _ in range(3):
        snapshot = drained(sweeper)
        assert (snapshot.torn, snapshot.complete) == (False, True)
        assert snapshot.total.pss_bytes == pytest.approx(100 * MIB, abs=5 * 1024)


@pytest.mark.parametrize("change", [fork_some, end_some, execute_some])
def test_a_change_between_two_reads_tears_the_sweep_and_the_next_one_is_whole(
    family: Family, change: Callable[[Family, int], None]
) -> None:
    root = family.start(100)
    for _ in range(2):
        family.fork(root)
    sweeper = Sweeper(family.proc, scope_of(root.key))
    sweep = sweeper.begin()
    first = sweep._take()
    assert first is not None
    first.walk()
    change(family, 0)
    sweep.drain()
    snapshot = sweep.finish(TICK, 0.0)
    assert (snapshot.torn, snapshot.complete) == (True, False)
    assert not drained(sweeper).torn


def test_what_a_process_that_is_exiting_still_maps_counts_for_its_relatives(
    family: Family,
) -> None:
    root = family.start(100)
    child = family.fork(root)
    sweeper = Sweeper(family.proc, scope_of(root.key))
    assert not drained(sweeper).torn
    # Its pages are still mapped, but it has given its address space up.
    child.begin_to_exit()
    for _ in range(3):
        total = drained(sweeper).total
        assert (total.pss_low_bytes, total.pss_high_bytes) == (100 * MIB, 100 * MIB)
    family.end(child)
    assert drained(sweeper).total.pss_bytes == 100 * MIB


def test_a_child_that_ends_while_the_arrivals_are_listed_is_no_sharer_that_stays(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = family.start(100)
    sweeper = Sweeper(family.proc, scope_of(root.key))
    assert not drained(sweeper).torn
    sweep = sweeper.begin(walk=True)
    # Alive at the walk of its parent, and at the first look at what that has waited for.
    child = family.fork(root)
    sweep.drain()
    list_processes = family.proc.list_processes

    def list_after_its_end() -> Mapping[int, int]:
        family.end(child)
        return list_processes()

    monkeypatch.setattr(family.proc, "list_processes", list_after_its_end)
    assert sweep.finish(TICK, 0.0).total.pss_bytes == 100 * MIB


def test_what_shares_with_no_member_is_a_fork_under_way_unless_it_stays(family: Family) -> None:
    outside = family.start(100)
    member = family.fork(outside)
    sweeper = Sweeper(family.proc, scope_of(member.key))
    first, second = drained(sweeper), drained(sweeper)
    assert (first.torn, second.torn) == (True, False)
    assert second.total.pss_bytes == 50 * MIB


def test_unrelated_processes_tear_nothing(family: Family) -> None:
    root = family.start(100)
    shared = replace(private_memory(50 * MIB), uss_bytes=20 * MIB, pss_anon_bytes=20 * MIB)
    compilers = [family.proc.start("cc", shared, parent=root) for _ in range(3)]
    sweeper = Sweeper(family.proc, scope_of(root.key))
    sweep = sweeper.begin()
    sweep.drain()
    compilers[0].end()
    compilers[0].reap()
    family.proc.start("cc", shared, parent=root)
    assert not sweep.finish(TICK, 0.0).torn


# What becomes of it


def torn(pss_bytes: int, low_bytes: int, high_bytes: int) -> Snapshot:
    snapshot = snapshot_of({7: pss_bytes})
    total = replace(snapshot.total, pss_low_bytes=low_bytes, pss_high_bytes=high_bytes)
    return replace(snapshot, total=total, torn=True, complete=False)


def test_a_torn_snapshot_widens_the_bracket_of_the_peak() -> None:
    running = RunningPeak()
    peaks = []
    for snapshot in (torn(30, 20, 40), snapshot_of({7: 35}), torn(50, 30, 80)):
        running.observe(snapshot)
        assert running.peak is not None
        peak = running.peak
        peaks.append((peak.pss_low_bytes, peak.pss_bytes, peak.pss_high_bytes))
    assert peaks == [(20, 30, 40), (35, 35, 40), (35, 50, 80)]


def test_a_torn_snapshot_exceeds_a_limit_only_for_certain_and_is_counted() -> None:
    tally = Tally(0.1, max_pss_bytes=50)
    tally.observe(torn(90, 50, 100))
    assert tally.limit == Limit(50, None)
    above = torn(90, 51, 100)
    tally.observe(above)
    assert tally.limit == Limit(50, above)
    stats = RunningStats(0.1)
    stats.observe(torn(90, 50, 100))
    assert (stats.stats().torn_samples, stats.stats().incomplete_samples) == (1, 1)


def test_only_what_is_torn_and_short_is_repeated() -> None:
    short, long = replace(torn(90, 0, 99), sweep_s=0.01), replace(torn(90, 0, 99), sweep_s=0.03)
    assert is_worth_repeating(short, 0.1)
    assert not is_worth_repeating(long, 0.1)
    assert not is_worth_repeating(replace(short, torn=False), 0.1)


# Real families

# A parent of 60 MiB with forked children, each of which lives for some milliseconds.
FORK_SERVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    size_t size = 60 << 20;
    memset(malloc(size), 1, size);
    for (int born = 0;; born++) {
        if (born == 4) { puts("ready"); fflush(stdout); }
        if (born >= 4) wait(NULL);
        if (!fork()) { usleep(1000 * (4 + born % 7)); _exit(0); }
    }
}
"""


def test_samples_of_a_fork_server_are_right_or_torn(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> None:
    target = start(str(c_program(FORK_SERVER)))
    target.line()
    source = LinuxProcSource()
    sweeper = Sweeper(source, scope_of(source.require(target.pid).key))
    snapshots = [drained(sweeper) for _ in range(200)]
    sweeper.close()
    wrong = [s.total.pss_bytes for s in snapshots if not s.torn and not _is_near_60_mib(s.total)]
    assert not wrong
    assert any(snapshot.torn for snapshot in snapshots)


def _is_near_60_mib(total: Memory) -> bool:
    assert total.pss_bytes is not None
    return 0.95 < total.pss_bytes / (60 * MIB) < 1.06


@pytest.mark.parametrize(
    "loop",
    [
        "while :; do /bin/true; done",
        "while :; do (:); done",
        "while :; do env true | cat; done",
    ],
)
def test_short_commands_do_not_tear_every_sample(start: Callable[..., Target], loop: str) -> None:
    target = start("sh", "-c", f"echo ready; {loop}", stderr=None)
    target.line()
    source = LinuxProcSource()
    scope = scope_of(source.require(target.pid).key)
    torn = sum(sweep_once(source, scope).torn for _ in range(100))
    assert torn < 50
