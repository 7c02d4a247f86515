"""The mappings of a tree: what is read, what is not, and what changes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from memstat.mappings import MappingGroup, MappingKind
from memstat.model import Memory, ProcessKey, ReadStatus
from memstat.proc.source import GONE, MappedReading
from memstat.sampling.grouped import grouped
from memstat.sampling.mapped import MappedTree, map_once
from memstat.sampling.sweep import Sweeper
from memstat.testing import FakeProc
from tests.sampling.clocked import ClockedProc
from tests.scopes import scope_of

MIB = 1 << 20
HEAP = MappingGroup(MappingKind.HEAP, "", 3 * MIB, 2 * MIB, 4 * MIB, 0, 0)
LIBRARY = MappingGroup(MappingKind.FILE, "/lib/a", MIB, 0, 2 * MIB, 0, 0, mappings=4)


class MappedProc(FakeProc):
    """Made-up processes with a heap and a library each."""

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[ProcessKey, Sequence[Callable[[], object]]] = {}

    def at(self, key: ProcessKey, *events: Callable[[], object]) -> None:
        """Have something happen when a process is about to be read."""
        self._events[key] = events

    def mappings(self, key: ProcessKey) -> MappedReading:
        for event in self._events.pop(key, ()):
            event()
        process = self.find(key)
        reading = GONE if process is None else process.read()
        is_measured = reading.status is ReadStatus.MEASURED
        return MappedReading(reading, (HEAP, LIBRARY) if is_measured else ())


def mapped(proc: MappedProc, *roots: ProcessKey, recursive: bool = True) -> MappedTree:
    return map_once(proc, scope_of(*roots, recursive=recursive))


def test_the_groups_of_all_processes_are_added_up_the_largest_first() -> None:
    swapped = MappingGroup(MappingKind.ANONYMOUS, "", 0, 0, 0, MIB, 0)
    assert grouped([[LIBRARY, HEAP, swapped], [LIBRARY], []]) == (
        HEAP,
        MappingGroup(MappingKind.FILE, "/lib/a", 2 * MIB, 0, 4 * MIB, 0, 0, 2, 8),
        swapped,
    )


def test_what_is_unknown_of_one_is_unknown_of_all() -> None:
    old = MappingGroup(MappingKind.HEAP, "", MIB, MIB, MIB)
    (group,) = grouped([[HEAP], [old]])
    assert (group.pss_bytes, group.swap_pss_bytes, group.hugetlb_bytes) == (4 * MIB, None, None)


def test_a_kind_and_a_name_make_a_group() -> None:
    named = MappingGroup(MappingKind.ANONYMOUS, "/lib/a", 1, 1, 1)
    assert len(grouped([[LIBRARY, named]])) == 2


def test_a_tree_is_read_process_by_process() -> None:
    proc = MappedProc()
    shell = proc.start("sh", MIB)
    child = proc.start("cat", MIB, parent=shell)
    mappings, samples, costs_s = mapped(proc, shell.key)
    assert [sample.key for sample in samples] == [shell.key, child.key]
    assert mappings.groups[0] == MappingGroup(
        MappingKind.HEAP, "", 6 * MIB, 4 * MIB, 8 * MIB, 0, 0, processes=2, mappings=2
    )
    assert mappings.total.pss_bytes == 8 * MIB
    assert costs_s.keys() == {shell.key, child.key}
    assert mappings.cpu_s == sum(costs_s.values())
    assert mappings.held_s == max(costs_s.values())
    assert (mappings.processes, mappings.complete, mappings.torn) == (2, True, False)
    assert mapped(proc, shell.key, recursive=False).mappings.processes == 1
    assert proc.open_readers == 0


def test_what_may_not_be_read_is_reported_and_not_counted() -> None:
    proc = MappedProc()
    shell = proc.start("sh", MIB)
    denied = proc.start("sudo", MIB, parent=shell)
    denied.denied = True
    mappings = mapped(proc, shell.key).mappings
    assert (mappings.processes, mappings.complete) == (1, False)
    assert [(process.key, process.status) for process in mappings.unread] == [
        (denied.key, ReadStatus.DENIED)
    ]


def test_nothing_is_known_where_no_process_can_be_read() -> None:
    proc = MappedProc()
    shell = proc.start("sh", MIB)
    shell.denied = True
    assert mapped(proc, shell.key).mappings.total == Memory()


def test_a_zombie_lacks_nothing() -> None:
    proc = MappedProc()
    shell = proc.start("sh", MIB)
    proc.start("cat", MIB, parent=shell).end()
    mappings = mapped(proc, shell.key).mappings
    assert (mappings.processes, mappings.complete, mappings.unread) == (1, True, ())


def test_a_process_that_ends_before_its_turn_is_gone() -> None:
    proc = MappedProc()
    shell = proc.start("sh", MIB)
    child = proc.start("cat", MIB, parent=shell)
    proc.at(child.key, child.end, child.reap)
    mappings = mapped(proc, shell.key).mappings
    assert (mappings.processes, mappings.complete, mappings.torn) == (1, False, False)
    assert [process.status for process in mappings.unread] == [ReadStatus.GONE]


def test_a_process_that_starts_meanwhile_makes_it_torn() -> None:
    proc = MappedProc()
    shell = proc.start("sh", MIB)
    proc.at(shell.key, lambda: proc.start("cat", MIB, parent=shell))
    mappings = mapped(proc, shell.key).mappings
    assert (mappings.processes, mappings.complete, mappings.torn) == (1, False, True)


def test_a_process_that_ends_after_its_turn_makes_it_torn() -> None:
    proc = MappedProc()
    shell = proc.start("sh", MIB)
    first = proc.start("cat", MIB, parent=shell)
    second = proc.start("cat", MIB, parent=shell)
    proc.at(second.key, first.end, first.reap)
    mappings = mapped(proc, shell.key).mappings
    assert (mappings.processes, mappings.complete, mappings.torn) == (3, False, True)


def test_made_up_processes_have_one_group_each() -> None:
    proc = FakeProc()
    shell = proc.start("sh", MIB)
    proc.start("cat", 2 * MIB, parent=shell)
    (group,) = map_once(proc, scope_of(shell.key)).mappings.groups
    assert (group.pss_bytes, group.uss_bytes, group.processes) == (3 * MIB, 3 * MIB, 2)


def test_what_it_costs_is_charged_to_the_budget() -> None:
    proc = ClockedProc()
    shell = proc.start("sh", 1 << 30)
    sweeper = Sweeper(proc, scope_of(shell.key), interval_s=0.1, clock=proc.clock)
    sweeper.begin().drain()
    # A process that has ended owes nothing.
    sweeper.estimator.owe({shell.key: 0.5, ProcessKey(7, 7): 9.0}, proc.now_s)
    assert sweeper.estimator.held_share(proc.now_s + 10) == pytest.approx(0.05, rel=0.01)
