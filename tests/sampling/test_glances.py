"""Sweeps that walk where it matters and glance in between, over processes that share pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from memstat.model import Memory, Snapshot
from memstat.sampling.clock import Tick
from memstat.sampling.policy import GENTLE, Policy
from memstat.sampling.sweep import Sweeper
from memstat.testing import FakeProcess
from tests.sampling.clocked import ClockedProc
from tests.scopes import scope_of

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
        self.root = self.proc.start("root", size_bytes)
        self.root.become_pages()
        self.members = [self.root]
        self.sweeper = Sweeper(
            self.proc, scope_of(self.root.key), policy, INTERVAL_S, clock=self.proc.clock
        )

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
        assert {sample.key for sample in snapshot.processes} == {one.key for one in self.members}
        self._hold(snapshot.total, self.truth)
        memories = {sample.key: sample.memory for sample in snapshot.processes}
        for process in self.members:
            self._hold(memories[process.key], pss_of(process))
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


def is_exact(tree: Tree, snapshot: Snapshot) -> bool:
    total = snapshot.total
    return total.pss_low_bytes == total.pss_bytes == total.pss_high_bytes == tree.truth


# What processes do: every step takes a tree, one of its members and a size


def fork(tree: Tree, who: FakeProcess, _: int) -> None:
    if len(tree.members) < MOST:
        tree.fork(who)


def end(tree: Tree, who: FakeProcess, _: int) -> None:
    if len(tree.members) > 1:
        tree.end(who)


def execute(_: Tree, who: FakeProcess, size: int) -> None:
    who.execute("other", size)
    who.become_pages()


def grow(_: Tree, who: FakeProcess, size: int) -> None:
    who.grow(size)


def write(_: Tree, who: FakeProcess, size: int) -> None:
    who.write(min(size, anon_of(who)))


def release(_: Tree, who: FakeProcess, size: int) -> None:
    who.release(min(size, anon_of(who)))


def map_file(_: Tree, who: FakeProcess, size: int) -> None:
    """Map more; nobody maps less: pages that are exchanged for as many others are not seen."""
    who.map_file("library", size)


def map_shared_memory(_: Tree, who: FakeProcess, size: int) -> None:
    who.map_file("/dev/shm/ring", size)


def anon_of(process: FakeProcess) -> int:
    glance = process.glance()
    assert glance is not None
    return glance.anon_bytes


Step = tuple[Callable[[Tree, FakeProcess, int], None], int, int]
ACTS = [fork, fork, end, execute, grow, write, write, release, map_file, map_shared_memory]


def scripts(largest: int) -> st.SearchStrategy[list[list[Step]]]:
    """Return what happens at each tick."""
    steps = st.tuples(st.sampled_from(ACTS), st.integers(0, 99), st.integers(1, largest))
    return st.lists(st.lists(steps, max_size=4), max_size=15)


def act(tree: Tree, steps: Sequence[Step]) -> None:
    for what, who, size in steps:
        what(tree, tree.members[who % len(tree.members)], size)


@given(scripts(1 * MIB))
def test_a_small_tree_is_exact_at_each_tick(script: list[list[Step]]) -> None:
    tree = Tree(4 * MIB)
    assert is_exact(tree, tree.sweep())
    for steps in script:
        act(tree, steps)
        snapshot = tree.sweep()
        assert is_exact(tree, snapshot)
        assert not snapshot.torn


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
