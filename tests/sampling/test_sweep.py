"""One sweep, over made-up processes."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.errors import TooManyDescriptors
from memstat.model import MEMORY_FIELDS, Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.sampling.clock import Tick
from memstat.sampling.liveness import alive, tree_ended
from memstat.sampling.policy import GENTLE, Policy
from memstat.sampling.sums import add_up
from memstat.sampling.sweep import Sweeper, sweep_once
from memstat.testing import FakeProc, FakeProcess, private_memory
from tests.scopes import scope_of

MIB = 1 << 20
TICK = Tick(number=3, due_s=0.0, missed_ticks=2)


def tree_of(proc: FakeProc, children: int) -> list[FakeProcess]:
    """Start a target with children of 1, 2, 3… MiB; the target comes first."""
    root = proc.start("root", MIB)
    return [root, *(root.fork((n + 1) * MIB) for n in range(children))]


def swept(sweeper: Sweeper, tick: Tick = TICK) -> Snapshot:
    sweep = sweeper.begin()
    sweep.drain()
    return sweep.finish(tick, started_s=0.0)


DENIED_MIB = Memory(rss_bytes=MIB, pss_low_bytes=0, pss_high_bytes=MIB)

# Adding up


sizes = st.none() | st.integers(0, 1 << 50)
memories = st.builds(Memory, **dict.fromkeys(MEMORY_FIELDS, sizes))
samples = st.lists(
    st.builds(
        ProcessSample,
        key=st.builds(ProcessKey, st.integers(1), st.integers(0)),
        name=st.just("a"),
        status=st.sampled_from(ReadStatus),
        memory=memories,
    ),
    max_size=12,
)


@given(samples)
def test_a_total_is_the_sum_of_what_measured_processes_tell(samples: list[ProcessSample]) -> None:
    total = add_up(samples)
    measured = [s.memory for s in samples if s.status is ReadStatus.MEASURED]
    for field in set(MEMORY_FIELDS) - {"pss_low_bytes", "pss_high_bytes"}:
        sizes = [getattr(m, field) for m in measured]
        assert getattr(total, field) == (sum(sizes) if sizes and None not in sizes else None)


# Statuses


def test_a_tree_is_measured_whole() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    snapshot = sweep_once(proc, scope_of(root.key))
    assert snapshot.complete
    assert snapshot.total == private_memory(2 * MIB)
    assert snapshot.processes == (
        ProcessSample(
            root.key,
            "root",
            1,
            0,
            ReadStatus.MEASURED,
            private_memory(MIB),
            rss_peak_bytes=MIB,
            walk_age_s=0.0,
            walked_pss_bytes=MIB,
        ),
        ProcessSample(
            child.key,
            "root",
            root.pid,
            1,
            ReadStatus.MEASURED,
            private_memory(MIB),
            rss_peak_bytes=MIB,
            walk_age_s=0.0,
            walked_pss_bytes=MIB,
        ),
    )


def test_a_denied_process_makes_the_total_partial_and_may_have_what_it_maps() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    child.denied = True
    snapshot = sweep_once(proc, scope_of(root.key))
    assert not snapshot.complete
    assert snapshot.total == replace(private_memory(MIB), pss_high_bytes=2 * MIB)
    assert snapshot.processes[1].status is ReadStatus.DENIED
    assert snapshot.processes[1].memory == DENIED_MIB


def test_an_unreadable_process_makes_the_total_partial_and_is_alive() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    sweeper = Sweeper(proc, scope_of(root.key))
    swept(sweeper)
    child.unreadable = "no memory"
    snapshot = swept(sweeper)
    assert not snapshot.complete
    assert snapshot.total == private_memory(MIB)
    unreadable = snapshot.processes[1]
    assert (unreadable.status, unreadable.reason) == (ReadStatus.UNREADABLE, "no memory")
    assert unreadable.memory == Memory()
    assert unreadable in alive(snapshot)
    child.unreadable = None
    assert swept(sweeper).complete


def test_a_newcomer_that_cannot_be_identified_makes_the_total_partial_until_it_can() -> None:
    proc = FakeProc()
    root, _ = tree_of(proc, 1)
    sweeper = Sweeper(proc, scope_of(root.key))
    swept(sweeper)
    newcomer = root.fork(MIB)
    newcomer.unreadable = "no memory"
    grandchild = newcomer.fork(MIB)
    partial = swept(sweeper)
    assert not partial.complete
    assert partial.missing_reason == f"process {newcomer.pid} could not be read: no memory"
    assert len(partial.processes) == 2
    newcomer.unreadable = None
    whole = swept(sweeper)
    assert (whole.complete, whole.missing_reason) == (True, None)
    assert {newcomer.key, grandchild.key} < {p.key for p in whole.processes}


def test_a_listing_that_fails_keeps_the_tree_of_the_last_one() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    sweeper = Sweeper(proc, scope_of(root.key))
    swept(sweeper)
    proc.listing_error = "no memory"
    child.end()
    child.reap()
    snapshot = swept(sweeper)
    assert not snapshot.complete
    assert snapshot.missing_reason == "the processes could not be listed: no memory"
    # That one has ended shows without a listing.
    assert [p.status for p in snapshot.processes] == [ReadStatus.MEASURED]
    assert not tree_ended(replace(snapshot, processes=()))


def test_where_even_the_first_listing_fails_the_targets_are_read() -> None:
    proc = FakeProc()
    root, _ = tree_of(proc, 1)
    proc.listing_error = "no memory"
    snapshot = sweep_once(proc, scope_of(root.key))
    assert [p.key for p in snapshot.processes] == [root.key]
    assert (snapshot.total.pss_bytes, snapshot.complete) == (MIB, False)


def test_a_total_of_denied_processes_only_is_unknown_and_not_zero() -> None:
    proc = FakeProc()
    (root,) = tree_of(proc, 0)
    root.denied = True
    total = sweep_once(proc, scope_of(root.key)).total
    assert total == Memory(pss_low_bytes=0, pss_high_bytes=MIB)


def test_a_process_that_ends_during_the_sweep_makes_the_total_partial() -> None:
    proc = FakeProc()
    root = proc.start("root", MIB)
    # Programs of their own: of those that were forked from one another, the sum would be torn.
    children = [proc.start("root", size * MIB, parent=root) for size in range(1, 10)]
    sweeper = Sweeper(proc, scope_of(root.key))
    sweep = sweeper.begin()
    children[0].end()
    children[0].reap()
    sweep.drain()
    snapshot = sweep.finish(TICK, 0.0)
    assert not snapshot.complete
    assert snapshot.processes[1] == ProcessSample(children[0].key, "root", depth=1)
    assert snapshot.processes[1].status is ReadStatus.GONE
    assert snapshot.total == private_memory(MIB + sum(range(2, 10)) * MIB)
    after = swept(sweeper)
    assert after.complete
    assert len(after.processes) == 9


def test_zombies_have_no_memory_and_the_total_is_complete() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    child.end()
    snapshot = sweep_once(proc, scope_of(root.key))
    assert snapshot.complete
    assert snapshot.processes[1].status is ReadStatus.NO_MEMORY
    assert snapshot.total == private_memory(MIB)


def test_without_recursion_the_targets_alone_are_read() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    snapshot = sweep_once(proc, scope_of(child.key, root.key, child.key, recursive=False))
    assert [process.key for process in snapshot.processes] == [child.key, root.key]
    assert snapshot.total == private_memory(2 * MIB)


def test_a_target_alone_that_has_ended_is_gone() -> None:
    proc = FakeProc()
    snapshot = sweep_once(proc, scope_of(ProcessKey(7, 7), recursive=False))
    assert [process.status for process in snapshot.processes] == [ReadStatus.GONE]
    assert not snapshot.complete


def test_excluded_processes_are_not_read() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    child.error = TooManyDescriptors("not to be read")
    snapshot = sweep_once(proc, scope_of(root.key, excluded=frozenset({child.pid})))
    assert [process.key for process in snapshot.processes] == [root.key]


# Again and again


def test_the_next_sweep_tells_new_sizes_names_and_places() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    grandchild = child.fork(MIB)
    sweeper = Sweeper(proc, scope_of(root.key))
    swept(sweeper)
    root.execute("init", 5 * MIB)
    child.end()
    child.reap()
    snapshot = swept(sweeper)
    assert [(p.key, p.name, p.ppid, p.depth) for p in snapshot.processes] == [
        (root.key, "init", 1, 0),
        (grandchild.key, "root", 1, 1),
    ]
    assert snapshot.total == private_memory(6 * MIB)


def test_the_next_sweep_tells_how_deep_one_is_of_which_nothing_else_has_changed() -> None:
    proc = FakeProc()
    root = proc.start("root", MIB)
    child = proc.start("child", MIB, parent=root)
    heir = proc.start("heir", MIB, parent=child)
    last = proc.start("last", MIB, parent=heir)
    sweeper = Sweeper(proc, scope_of(root.key), Policy(budget=0), 0.1)
    assert swept(sweeper).processes[-1].depth == 3
    child.end()
    child.reap()
    swept(sweeper)
    assert [(one.key, one.depth) for one in swept(sweeper).processes[-2:]] == [
        (heir.key, 1),
        (last.key, 2),
    ]


def test_the_child_of_one_that_has_ended_has_another_parent_at_once() -> None:
    proc = FakeProc()
    root = proc.start("root", MIB)
    child = root.fork()
    heir = child.fork()
    sweeper = gentle_sweeper(proc, root)
    for _ in range(3):
        assert swept(sweeper).processes[-1].ppid == child.pid
    child.end()
    assert swept(sweeper).processes[-1].ppid == heir.identity.ppid != child.pid
    child.reap()
    assert swept(sweeper).processes[-1].ppid == heir.identity.ppid


def gentle_sweeper(proc: FakeProc, root: FakeProcess) -> Sweeper:
    """Return a sweeper that has walked all, and need not again."""
    sweeper = Sweeper(proc, scope_of(root.key), GENTLE, interval_s=0.1)
    swept(sweeper)
    # None was under way when it listed, which only time shows.
    sweeper.finder._late.clear()
    return sweeper


def test_a_quick_sweep_is_one_that_only_glances() -> None:
    proc = FakeProc()
    root, _ = tree_of(proc, 1)
    sweeper = gentle_sweeper(proc, root)
    quick = sweeper.begin_quickly()
    assert quick is not None
    assert not quick.walks
    assert len(quick.finish(TICK, 0.0).processes) == 2


def test_a_quick_sweep_looks_at_a_newcomer_that_is_no_member() -> None:
    proc = FakeProc()
    root, _ = tree_of(proc, 1)
    sweeper = gentle_sweeper(proc, root)
    sweeper.finder._listing_s = math.inf  # a listing costs more than a look
    proc.start("stranger", MIB)
    quick = sweeper.begin_quickly()
    assert quick is not None
    assert len(quick.finish(TICK, 0.0).processes) == 2


def test_a_quick_sweep_leaves_a_new_member_to_one_that_may_walk() -> None:
    proc = FakeProc()
    root, _ = tree_of(proc, 1)
    sweeper = gentle_sweeper(proc, root)
    sweeper.finder._listing_s = math.inf
    root.fork(MIB)
    assert sweeper.begin_quickly() is None
    assert len(swept(sweeper).processes) == 3


def test_a_spike_counts_though_a_sweep_that_saw_it_came_to_nothing() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    sweeper = gentle_sweeper(proc, root)
    root.rss_peak_bytes = 9 * MIB
    child.end()
    assert sweeper.begin_quickly() is None
    assert swept(sweeper).spikes_bytes == 8 * MIB
    assert swept(sweeper).spikes_bytes == 0


def test_a_snapshot_tells_its_tick_and_how_late_it_was() -> None:
    proc = FakeProc()
    (root,) = tree_of(proc, 0)
    sweeper = Sweeper(proc, scope_of(root.key))
    sweep = sweeper.begin()
    in_time = sweep.finish(Tick(4, 2.5, 1), started_s=sweep.began_s - 2.25)
    late = sweep.finish(Tick(4, 2.0, 1), started_s=sweep.began_s - 2.25)
    assert (in_time.tick, in_time.missed_ticks, in_time.elapsed_s) == (4, 1, 2.25)
    assert (in_time.late_s, late.late_s) == (0.0, 0.25)
    assert in_time.sweep_s >= 0


def test_readers_are_closed_with_their_processes_and_at_the_end() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    sweeper = Sweeper(proc, scope_of(root.key))
    swept(sweeper)
    assert proc.open_readers == 2
    child.end()
    child.reap()
    swept(sweeper)
    assert proc.open_readers == 1
    sweeper.close()
    sweeper.close()
    assert proc.open_readers == 0


def test_one_sweep_leaves_no_reader_open_when_it_fails() -> None:
    proc = FakeProc()
    (root,) = tree_of(proc, 0)
    root.error = TooManyDescriptors("none left")
    with pytest.raises(TooManyDescriptors, match="none left"):
        sweep_once(proc, scope_of(root.key))
    assert proc.open_readers == 0


def test_samples_hold_command_lines_where_they_are_asked_for() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    root.command_line, child.command_line = "root --all", "root --worker"
    asked = Sweeper(proc, scope_of(root.key, command_lines=True))
    assert [p.command_line for p in swept(asked).processes] == ["root --all", "root --worker"]
    unasked = sweep_once(proc, scope_of(root.key))
    assert [p.command_line for p in unasked.processes] == [None, None]


def test_a_command_line_is_read_once_and_again_when_the_name_changes() -> None:
    proc = FakeProc()
    root, child = tree_of(proc, 1)
    sweeper = Sweeper(proc, scope_of(root.key, command_lines=True))
    swept(sweeper)
    child.command_line = "rewritten by the process"
    child.use(5 * MIB)
    root.execute("vi", MIB)
    assert [p.command_line for p in swept(sweeper).processes] == ["vi", "root"]
    child.end()
    assert swept(sweeper).processes[1].command_line == "root"


# Shards


@pytest.mark.parametrize("readers", [1, 2, 5])
def test_any_number_of_readers_gives_the_same_snapshot(readers: int) -> None:
    proc = FakeProc()
    processes = tree_of(proc, 60)
    processes[7].denied = True
    processes[8].end()
    alone = sweep_once(proc, scope_of(processes[0].key))
    sweeper = Sweeper(proc, scope_of(processes[0].key))
    sweep = sweeper.begin()
    # The denied one and the zombie have nothing to walk.
    assert len(sweep.waiting) == 59
    threads = [threading.Thread(target=sweep.drain) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sweep.waiting == ()
    shared = sweep.finish(Tick(0, 0.0, 0), 0.0)
    assert shared.processes == alone.processes
    assert (shared.total, shared.complete) == (alone.total, alone.complete)


def test_the_largest_processes_are_read_first() -> None:
    proc = FakeProc()
    processes = tree_of(proc, 10)
    sweeper = Sweeper(proc, scope_of(processes[0].key))
    swept(sweeper)
    sweep = sweeper.begin()
    order = sweep.waiting
    assert order[:2] == (processes[10].key, processes[9].key)
    assert set(order[-2:]) == {processes[0].key, processes[1].key}


def test_a_failure_of_one_reader_comes_out_at_the_end_and_the_next_sweep_works() -> None:
    proc = FakeProc()
    root, *children = tree_of(proc, 20)
    children[4].error = TooManyDescriptors("none left")
    sweeper = Sweeper(proc, scope_of(root.key))
    sweep = sweeper.begin()
    sweep.drain()
    assert sweep.waiting == ()
    with pytest.raises(TooManyDescriptors, match="none left"):
        sweep.finish(TICK, 0.0)
    children[4].error = None
    assert swept(sweeper).complete


def test_an_unforeseen_error_is_not_taken_for_the_end_of_the_work() -> None:
    proc = FakeProc()
    root, *children = tree_of(proc, 20)
    children[4].error = IndexError("a bug")
    sweeper = Sweeper(proc, scope_of(root.key))
    sweep = sweeper.begin()
    with pytest.raises(IndexError, match="a bug"):
        sweep.drain()


def test_a_snapshot_does_not_change_afterwards() -> None:
    proc = FakeProc()
    (root,) = tree_of(proc, 0)
    sweeper = Sweeper(proc, scope_of(root.key))
    first = swept(sweeper)
    copy = replace(first)
    root.use(9 * MIB)
    second = swept(sweeper)
    assert first == copy
    assert second.total.pss_bytes == 9 * MIB
