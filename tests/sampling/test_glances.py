"""Sweeps that walk where it matters and glance in between, over processes that share pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memstat.deferred import undated
from memstat.model import Memory, ProcessKey, Snapshot
from memstat.sampling.clock import Tick
from memstat.sampling.policy import EXACT, GENTLE, Policy
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweeper
from memstat.sampling.tally import Tally
from memstat.testing import FakeProcess
from tests.sampling.clocked import ClockedProc
from tests.scopes import adopted_by, scope_of

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
TICK = Tick(0, 0.0, 0)
INTERVAL_S = 0.1
CUT_BYTES = 2 * KIB
"""What a walk reports of a process is cut to whole kB, of anonymous pages and of others."""
NEVER_AGAIN = Policy(budget=0)
MOST = 10
"""Processes at a time."""


class Tree:
    """A tree of processes, and a sweeper that looks at it every tenth of a second."""

    def __init__(self, size_bytes: int, policy: Policy = GENTLE) -> None:
        self.proc = ClockedProc()
        host = self.proc.start("host", 0)
        host.adopts_orphans = True
        self.root = self.proc.start("root", size_bytes, parent=host)
        self.root.become_pages()
        self.members = [self.root]
        scope = scope_of(self.root.key, is_orphan=adopted_by(host.pid))
        self.sweeper = Sweeper(self.proc, scope, policy, INTERVAL_S, clock=self.proc.clock)

    def fork(self, parent: FakeProcess) -> FakeProcess:
        child = parent.fork()
        self.members.append(child)
        return child

    def end(self, process: FakeProcess) -> None:
        self.members.remove(process)
        process.end()
        process.reap()

    def sweep(self, *, walk: bool = False) -> Snapshot:
        """Sweep at the next tick; the bounds hold of all and of each, and all of each add up."""
        self.proc.now_s += INTERVAL_S
        snapshot = self.sweeper.sweep(TICK, 0.0, interval_s=INTERVAL_S, walk=walk)
        cut = len(self.members) * CUT_BYTES
        assert self.mapped_bytes - cut <= self.truth <= self.mapped_bytes
        assert {sample.key for sample in snapshot.processes} == {one.key for one in self.members}
        self._hold(snapshot.total, self.truth)
        memories = {sample.key: sample.memory for sample in snapshot.processes}
        for process in self.members:
            self._hold(memories[process.key], pss_of(process))
            assert_parts_add_up(memories[process.key])
        parts = [memory.pss_bytes or 0 for memory in memories.values()]
        assert sum(parts) == snapshot.total.pss_bytes
        rss = [memory.rss_bytes for memory in memories.values()]
        assert rss == [one.memory and one.memory.rss_bytes for one in self.in_order(snapshot)]
        return snapshot

    def in_order(self, snapshot: Snapshot) -> list[FakeProcess]:
        by_key = {process.key: process for process in self.members}
        return [by_key[sample.key] for sample in snapshot.processes]

    @property
    def truth(self) -> int:
        """What all members use."""
        return sum(map(pss_of, self.members))

    @property
    def mapped_bytes(self) -> int:
        """The same, counted by pages: all that any member maps, each once."""
        tables = [process._table for process in self.members if process._table is not None]
        assert len(tables) == len(self.members)
        return sum(run.size_bytes for run in {run for table in tables for run in table.runs})

    def _hold(self, memory: Memory, truth: int) -> None:
        low, best, high = memory.pss_low_bytes, memory.pss_bytes, memory.pss_high_bytes
        assert low is not None
        assert best is not None
        assert high is not None
        assert low <= best <= high
        slack = CUT_BYTES * len(self.proc.processes)
        assert low - slack <= truth <= high + slack


def pss_of(process: FakeProcess) -> int:
    assert process.memory is not None
    assert process.memory.pss_bytes is not None
    return process.memory.pss_bytes


def assert_parts_add_up(memory: Memory) -> None:
    """A walk cuts each part to whole kB; without one, only the anonymous part is known."""
    parts = (memory.pss_anon_bytes, memory.pss_file_bytes, memory.pss_shmem_bytes)
    known = [part for part in parts if part is not None]
    assert parts[0] is not None
    assert memory.pss_bytes is not None
    missing = memory.pss_bytes - sum(known)
    assert (-CUT_BYTES <= missing <= 3 * KIB) if len(known) == len(parts) else missing >= 0


def is_exact(tree: Tree, snapshot: Snapshot) -> bool:
    total = snapshot.total
    return total.pss_low_bytes == total.pss_bytes == total.pss_high_bytes == tree.truth


# What processes do: every step takes a tree, one of its members and a size


def fork(tree: Tree, member: FakeProcess, _: int) -> None:
    if len(tree.members) < MOST:
        tree.fork(member)


def end(tree: Tree, member: FakeProcess, _: int) -> None:
    if len(tree.members) > 1:
        tree.end(member)


def execute(_: Tree, member: FakeProcess, size: int) -> None:
    member.execute("other", size)
    member.become_pages()


def grow(_: Tree, member: FakeProcess, size: int) -> None:
    member.grow(size)


def write(_: Tree, member: FakeProcess, size: int) -> None:
    member.write(min(size, anon_of(member)))


def release(_: Tree, member: FakeProcess, size: int) -> None:
    member.release(min(size, anon_of(member)))


def map_file(_: Tree, member: FakeProcess, size: int) -> None:
    """Map more; none maps less: pages that are exchanged for as many others are not seen."""
    member.map_file("library", size)


def map_shared_memory(_: Tree, member: FakeProcess, size: int) -> None:
    member.map_file("/dev/shm/ring", size)


def wait(tree: Tree, _: FakeProcess, __: int) -> None:
    """Let so much time pass that walks are due."""
    tree.proc.now_s += 30.0


def anon_of(process: FakeProcess) -> int:
    glance = process.glance()
    assert glance is not None
    return glance.anon_bytes


Step = tuple[Callable[[Tree, FakeProcess, int], None], int, int]
ACTS = [fork, fork, end, execute, grow, write, write, release, map_file, map_shared_memory, wait]


def scripts(largest: int) -> st.SearchStrategy[list[list[Step]]]:
    """Return what happens at each tick."""
    steps = st.tuples(st.sampled_from(ACTS), st.integers(0, 99), st.integers(1, largest))
    return st.lists(st.lists(steps, max_size=4), max_size=15)


def act(tree: Tree, steps: Sequence[Step]) -> None:
    for what, member, size in steps:
        what(tree, tree.members[member % len(tree.members)], size)


@given(scripts(1 * MIB))
def test_a_small_tree_is_exact_at_each_tick(script: list[list[Step]]) -> None:
    tree = Tree(4 * MIB)
    assert is_exact(tree, tree.sweep())
    for steps in script:
        act(tree, steps)
        snapshot = tree.sweep()
        assert is_exact(tree, snapshot)
        assert not snapshot.torn


def test_a_glance_shows_what_has_grown_and_how_far_the_last_walk_holds() -> None:
    tree = Tree(8 * MIB, NEVER_AGAIN)
    (walked,) = tree.sweep().processes
    assert walked.walked_pss_bytes == walked.memory.pss_bytes
    tree.root.grow(64 * MIB)
    (glanced,) = tree.sweep().processes
    before, now = walked.memory, glanced.memory
    assert now.pss_anon_bytes == (before.pss_anon_bytes or 0) + 64 * MIB
    assert (now.pss_file_bytes, now.uss_bytes) == (before.pss_file_bytes, before.uss_bytes)
    assert glanced.walked_pss_bytes == before.pss_bytes


@settings(max_examples=200)
@given(scripts(2 * GIB))
def test_of_a_large_tree_the_truth_is_within_the_bounds_at_each_tick(
    script: list[list[Step]],
) -> None:
    tree = Tree(8 * GIB)
    tree.sweep()
    for steps in script:
        act(tree, steps)
        tree.sweep()


@settings(max_examples=200)
@given(scripts(1 * MIB))
def test_without_a_budget_the_bounds_hold_and_only_the_first_sweep_walks(
    script: list[list[Step]],
) -> None:
    tree = Tree(4 * MIB, NEVER_AGAIN)
    tree.sweep()
    walks = tree.proc.walks
    assert walks == 1
    for steps in script:
        act(tree, steps)
        assert tree.sweep().walk_s is None
    assert tree.proc.walks == walks


@given(scripts(2 * GIB), st.sampled_from([GENTLE, NEVER_AGAIN, EXACT]))
def test_the_processes_of_a_snapshot_are_the_same_whenever_they_are_looked_at(
    script: list[list[Step]], policy: Policy
) -> None:
    tree, taken = Tree(4 * MIB, policy), []
    tally, peaks = Tally(INTERVAL_S), dict[ProcessKey, int]()
    for steps in [[], *script]:
        act(tree, steps)
        tree.proc.now_s += INTERVAL_S
        sweep = tree.sweeper.begin_quickly() or tree.sweeper.begin()
        sweep.drain()
        snapshot = sweep.finish(TICK, 0.0)
        tally.observe(snapshot)
        # Made anew of what the sweep has found.
        taken.append((snapshot, sweep.found))
        for one in sweep.found:
            peaks[one.key] = max(one.memory.pss_bytes or 0, peaks.get(one.key, 0))
            assert tally.process_peaks[one.key] == peaks[one.key]
        assert snapshot.total.rss_bytes == sum(one.memory.rss_bytes or 0 for one in sweep.found)
    for snapshot, found in taken:
        assert [replace(one, walk_age_s=0.0) for one in undated(snapshot)] == [
            replace(one, walk_age_s=0.0) for one in found
        ]
        assert snapshot.processes == found


# One by one


def test_a_large_tree_is_glanced_at_and_walked_when_that_is_earned() -> None:
    tree = Tree(8 * GIB)
    assert is_exact(tree, tree.sweep())
    child = tree.fork(tree.root)
    child.write(2 * GIB)
    glanced = tree.sweep()
    assert (glanced.walk_s, tree.proc.walks) == (None, 1)
    low, high = glanced.total.pss_low_bytes, glanced.total.pss_high_bytes
    assert (low, high) == (8 * GIB, 10 * GIB)
    tree.proc.now_s += 30.0
    walked = tree.sweep()
    assert walked.walk_s
    assert is_exact(tree, walked)


def test_each_process_tells_how_long_ago_it_was_walked() -> None:
    tree = Tree(8 * GIB)
    walked = tree.sweep()
    assert [sample.walk_age_s for sample in walked.processes] == [0.0]
    tree.fork(tree.root)
    for _ in range(2):
        glanced = tree.sweep()
        ages = [sample.walk_age_s for sample in glanced.processes]
        assert ages == [pytest.approx(glanced.elapsed_s - walked.elapsed_s), None]
    walked = tree.sweep(walk=True)
    assert [sample.walk_age_s for sample in walked.processes] == [0.0, 0.0]
    tree.root.execute("other", 8 * GIB)
    tree.root.become_pages()
    after = tree.sweep()
    ages = [sample.walk_age_s for sample in after.processes]
    assert ages == [None, pytest.approx(after.elapsed_s - walked.elapsed_s)]


def test_what_is_to_be_exact_is_walked_at_each_tick() -> None:
    tree = Tree(8 * GIB, EXACT)
    tree.fork(tree.root)
    for number in range(5):
        tree.root.write(MIB)
        assert is_exact(tree, tree.sweep())
        assert tree.proc.walks == 2 * (number + 1)


def test_walks_hold_a_process_up_for_the_part_of_its_time_that_they_may() -> None:
    tree = Tree(GIB)
    child = tree.fork(tree.root)
    walks = 0
    for _ in range(300):
        child.write(3 * MIB)
        walks += tree.sweep().walk_s is not None
    snapshot = tree.sweep()
    assert walks > 10
    assert snapshot.held_share is not None
    # It begins with a grace of 14 ms, and the last walk of 20 ms may not be earned in full.
    assert 0.01 < snapshot.held_share < 0.02 + 0.034 / 30


def test_a_spike_between_two_glances_shows_by_the_mark() -> None:
    tree = Tree(8 * GIB)
    tree.fork(tree.root)
    tree.sweep()
    tree.root.grow(GIB)
    tree.root.release(GIB)
    assert tree.sweep().spikes_bytes == GIB
    assert tree.sweep().spikes_bytes == 0


# A limit


@pytest.mark.anyio
@pytest.mark.parametrize("is_above", [False, True])
async def test_a_limit_that_depends_on_a_guess_is_decided_by_a_walk(*, is_above: bool) -> None:
    tree = Tree(8 * GIB)
    limit = 8 * GIB + 512 * MIB
    snapshots: list[Snapshot] = []

    def go_on(snapshot: Snapshot) -> bool:
        snapshots.append(snapshot)
        if len(snapshots) == 1:
            child = tree.fork(tree.root)
            if is_above:
                child.write(2 * GIB)
            else:
                # As many faults, but none that made a copy: a glance shows the same.
                child.faults += (2 * GIB) // 4096
        return len(snapshots) == 4

    sampler = Sampler(tree.sweeper, 0.001, has_ended=go_on, max_pss_bytes=limit)
    await sampler.run()
    assert sampler.tally.limit is not None
    exceeded = sampler.tally.limit.exceeded
    assert (exceeded is not None) == is_above == sampler.limit_exceeded.is_set()
    assert (exceeded or snapshots[1]).total.pss_low_bytes == tree.truth
    # Of the first sweep one, and both for the limit; after that nothing has changed.
    assert tree.proc.walks == 3
    assert [snapshot.walk_s is None for snapshot in snapshots] == [False, False, True, True]
