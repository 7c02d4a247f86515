"""What belongs to the tree: by cases, and against a model under random forks, ends and delays."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from memstat.model import Identity, ProcessKey
from memstat.proc.tree import ProcessTree
from memstat.sampling.sweep import Sweeper
from memstat.testing import FakeProc, FakeProcess
from tests.proc.tree_model import TreeModel
from tests.scopes import adopted_by, scope_of


def look(proc: FakeProc, tree: ProcessTree) -> bool:
    """Let a tree take in what there is now; whether it wants to look again."""
    listing = proc.list_processes()
    return tree.update(listing, {pid: proc.identify(pid) for pid in tree.unseen(listing)})


def shape(tree: ProcessTree) -> list[tuple[int, int]]:
    """Return PID and depth of every member, in order."""
    return [(node.key.pid, node.depth) for node in tree.members()]


def test_a_tree_is_given_depth_first_with_siblings_in_pid_order() -> None:
    proc = FakeProc()
    root = proc.start("root", 0, pid=500)
    for pid in (30, 20, 40):
        proc.start("child", 0, parent=root, pid=pid)
    proc.start("grandchild", 0, parent=proc.processes[30], pid=10)
    proc.start("stranger", 0)
    tree = ProcessTree(scope_of(root.key))
    assert not look(proc, tree)
    assert shape(tree) == [(500, 0), (20, 1), (30, 1), (10, 2), (40, 1)]


def test_an_orphan_stays_one_generation_up() -> None:
    proc = FakeProc()
    root = proc.start("root", 0)
    child = root.fork(0)
    grandchild = child.fork(0)
    tree = ProcessTree(scope_of(root.key))
    look(proc, tree)
    child.end()
    look(proc, tree)
    assert shape(tree) == [(root.pid, 0), (child.pid, 1), (grandchild.pid, 2)]
    child.reap()
    look(proc, tree)
    assert shape(tree) == [(root.pid, 0), (grandchild.pid, 1)]
    root.end()
    root.reap()
    look(proc, tree)
    assert shape(tree) == [(grandchild.pid, 1)]


def test_a_recycled_pid_is_another_process() -> None:
    proc = FakeProc()
    root = proc.start("root", 0)
    child = root.fork(0)
    grandchild = child.fork(0)
    tree = ProcessTree(scope_of(root.key))
    look(proc, tree)
    child.end()
    child.reap()
    proc.start("stranger", 0, pid=child.pid)
    look(proc, tree)
    assert shape(tree) == [(root.pid, 0), (grandchild.pid, 1)]
    grandchild.end()
    grandchild.reap()
    heir = proc.start("heir", 0, parent=root, pid=grandchild.pid)
    look(proc, tree)
    assert [node.key for node in tree.members()] == [root.key, heir.key]


def test_a_root_that_has_ended_before_the_first_look_gives_an_empty_tree() -> None:
    proc = FakeProc()
    tree = ProcessTree(scope_of(ProcessKey(77, 5)))
    proc.start("heir", 0, pid=77)
    look(proc, tree)
    assert tree.members() == ()


def test_the_first_process_of_a_system_starts_at_0_and_has_children() -> None:
    tree = ProcessTree(scope_of(ProcessKey(1, 0)))
    first, child = Identity(1, 0, 0, "init", "S", 1), Identity(2, 1, 0, "a", "S", 1)
    assert not tree.update({1: 1, 2: 2}, {1: first, 2: child})
    assert shape(tree) == [(1, 0), (2, 1)]


def test_overlapping_roots_are_counted_once() -> None:
    proc = FakeProc()
    root = proc.start("root", 0)
    child = root.fork(0)
    tree = ProcessTree(scope_of(child.key, root.key))
    look(proc, tree)
    assert shape(tree) == [(root.pid, 0), (child.pid, 1)]


def test_a_process_that_failed_to_be_read_is_looked_at_again_and_its_child_waits_for_it() -> None:
    proc = FakeProc()
    root = proc.start("root", 0)
    tree = ProcessTree(scope_of(root.key))
    look(proc, tree)
    child = root.fork(0)
    grandchild = child.fork(0)
    for _ in range(3):
        listing = proc.list_processes()
        assert tree.unseen(listing) == [child.pid, grandchild.pid]
        assert tree.update(listing, {grandchild.pid: grandchild.identity}, [child.pid])
        assert shape(tree) == [(root.pid, 0)]
    look(proc, tree)
    assert shape(tree) == [(root.pid, 0), (child.pid, 1), (grandchild.pid, 2)]


def test_an_excluded_process_and_what_it_starts_stay_outside() -> None:
    proc = FakeProc()
    root = proc.start("root", 0)
    excluded = root.fork(0)
    excluded.fork(0)
    tree = ProcessTree(scope_of(root.key, excluded=frozenset({excluded.pid})))
    look(proc, tree)
    assert shape(tree) == [(root.pid, 0)]


def test_a_daemon_that_the_adopter_inherits_joins_though_its_parent_was_never_seen() -> None:
    proc = FakeProc()
    host = proc.start("host", 0)
    host.adopts_orphans = True
    root = host.fork(0)
    tree = ProcessTree(scope_of(root.key, is_orphan=adopted_by(host.pid)))
    look(proc, tree)
    between = root.fork(0)
    daemon = between.fork(0)
    between.end()
    between.reap()
    look(proc, tree)
    assert shape(tree) == [(root.pid, 0), (daemon.pid, 1)]


def test_a_child_that_the_adopter_started_itself_is_no_orphan() -> None:
    proc = FakeProc()
    host = proc.start("host", 0)
    root, own = host.fork(0), host.fork(0)
    tree = ProcessTree(scope_of(root.key, is_orphan=adopted_by(host.pid, but={own.key})))
    look(proc, tree)
    own.fork(0)
    look(proc, tree)
    assert shape(tree) == [(root.pid, 0)]


def test_a_new_inode_of_the_same_process_does_no_harm() -> None:
    proc = FakeProc()
    root = proc.start("root", 0)
    root.fork(0)
    tree = ProcessTree(scope_of(root.key))
    look(proc, tree)
    before = tree.members()
    root.inode += 1000
    assert tree.unseen(proc.list_processes()) == [root.pid]
    look(proc, tree)
    assert tree.members() == before


def test_nothing_is_unseen_in_a_listing_that_was_taken_in() -> None:
    proc = FakeProc()
    tree = ProcessTree(scope_of(proc.init.key))
    look(proc, tree)
    assert tree.unseen(proc.list_processes()) == []


def test_a_child_that_was_listed_before_its_parent_waits_for_it() -> None:
    proc = LatecomerProc()
    root = proc.start("root", 0)
    tree = ProcessTree(scope_of(root.key))
    look(proc, tree)
    between = root.fork(0)
    child = between.fork(0)
    proc.late = {between.pid}
    assert look(proc, tree)
    assert shape(tree) == [(root.pid, 0)]
    assert not look(proc, tree)
    assert shape(tree) == [(root.pid, 0), (between.pid, 1), (child.pid, 2)]


def test_a_child_of_a_parent_that_is_never_listed_is_asked_for_twice_only() -> None:
    tree = ProcessTree(scope_of(ProcessKey(7, 7)))
    hidden = {9: Identity(9, 8, 9, "a", "S", 1)}
    assert tree.update({9: 1}, hidden)
    assert tree.unseen({9: 1}) == [9]
    assert not tree.update({9: 1}, hidden)
    assert tree.unseen({9: 1}) == []


def test_a_child_of_a_parent_that_ended_before_it_was_identified_is_not_lost() -> None:
    """The child was identified first, as PIDs had wrapped: its parent is still the dead one."""
    host, root, daemon, between = 5, 6, 7, 8
    tree = ProcessTree(scope_of(ProcessKey(root, 1), is_orphan=adopted_by(host)))
    listing = {host: 1, root: 2, daemon: 3, between: 4}
    known: dict[int, Identity | None] = {
        host: Identity(host, 0, 1, "host", "S", 1),
        root: Identity(root, host, 1, "root", "S", 1),
    }
    assert tree.update(
        listing, {**known, daemon: Identity(daemon, between, 3, "daemon", "S", 1), between: None}
    )
    del listing[between]
    assert tree.unseen(listing) == [daemon]
    adopted = Identity(daemon, host, 3, "daemon", "S", 1)
    assert not tree.update(listing, {daemon: adopted})
    assert shape(tree) == [(root, 0), (daemon, 1)]


def test_a_parent_younger_than_its_child_is_not_its_parent() -> None:
    """The child was asked while its parent lived, the heir of its parent's PID after that."""
    root, heir, child = 7, 8, 9
    tree = ProcessTree(scope_of(ProcessKey(root, 1)))
    identities: dict[int, Identity | None] = {
        root: Identity(root, 0, 1, "root", "S", 1),
        heir: Identity(heir, root, 50, "heir", "S", 1),
        child: Identity(child, heir, 20, "stranger", "S", 1),
    }
    assert tree.update({root: 1, heir: 2, child: 3}, identities)
    assert shape(tree) == [(root, 0), (heir, 1)]
    assert not tree.update(
        {root: 1, heir: 2, child: 3}, {child: Identity(child, 0, 20, "stranger", "S", 1)}
    )
    assert shape(tree) == [(root, 0), (heir, 1)]


class LatecomerProc(FakeProc):
    """A system with a listing that misses some: started behind the reader of the directory."""

    def __init__(self) -> None:
        self.late: set[int] = set()
        super().__init__()

    def list_processes(self) -> Mapping[int, int]:
        late, self.late = self.late, set()
        return {pid: inode for pid, inode in super().list_processes().items() if pid not in late}


class TreeMachine(RuleBasedStateMachine):
    """Random processes, and a model of which must belong, built from the processes themselves."""

    @initialize(adopts=st.booleans())
    def begin(self, *, adopts: bool) -> None:
        self.proc = LatecomerProc()
        self.host = self.proc.start("host", 0)
        self.host.adopts_orphans = adopts
        excluded, root = self.host.fork(0), self.host.fork(0)
        self.model = TreeModel(root, excluded.pid, self.host.pid if adopts else None)
        self.sweeper = Sweeper(self.proc, self.model.scope)
        self.free: list[int] = []

    @rule(data=st.data(), late=st.booleans())
    def fork(self, data: st.DataObject, *, late: bool) -> None:
        self._born(data.draw(st.sampled_from(self._living())).fork(0), late=late)

    @precondition(lambda self: self.free)
    @rule(data=st.data(), late=st.booleans())
    def fork_into_a_used_pid(self, data: st.DataObject, *, late: bool) -> None:
        parent = data.draw(st.sampled_from(self._living()))
        pid = data.draw(st.sampled_from(self.free))
        self.free.remove(pid)
        self._born(self.proc.start("heir", 0, parent=parent, pid=pid), late=late)

    @precondition(lambda self: self._mortal())
    @rule(data=st.data(), reaped=st.booleans())
    def end(self, data: st.DataObject, *, reaped: bool) -> None:
        process = data.draw(st.sampled_from(self._mortal()))
        process.end()
        if reaped:
            self._reap(process)

    @precondition(lambda self: self._mortal())
    @rule(data=st.data())
    def end_and_leave_the_pid_to_another_at_once(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(self._mortal()))
        process.end()
        self._reap(process)
        self.free.remove(process.pid)
        parent = data.draw(st.sampled_from(self._living()))
        self.proc.start("heir", 0, parent=parent, pid=process.pid)

    @rule()
    def reap_all(self) -> None:
        for process in [*self.proc.processes.values()]:
            if not process.identity.is_alive:
                self._reap(process)

    @rule()
    def look(self) -> None:
        before = set(self.model.parents)
        self._expect()
        members = self.sweeper.find()
        keys = [node.key for node in members]
        assert [(node.key, node.depth) for node in members] == [*self.model.members()]
        assert len(set(keys)) == len(keys)
        assert {key for key in before if self.proc.find(key)} <= set(keys)

    def teardown(self) -> None:
        if hasattr(self, "proc"):
            self.look()

    def _born(self, process: FakeProcess, *, late: bool) -> None:
        if late:
            self.proc.late.add(process.pid)

    def _reap(self, process: FakeProcess) -> None:
        process.reap()
        self.proc.late.discard(process.pid)
        self.free.append(process.pid)

    def _living(self) -> list[FakeProcess]:
        return [p for p in self.proc.processes.values() if p.identity.is_alive]

    def _mortal(self) -> list[FakeProcess]:
        return [p for p in self._living() if p not in (self.proc.init, self.host)]

    def _expect(self) -> None:
        """Take in what the next look must find."""
        all_processes = [*self.proc.processes.values()]
        listed = [p for p in all_processes if p.pid not in self.proc.late]
        if any(self._needs_a_second_look(p) for p in listed):
            listed = all_processes
        self.model.take_in(listed)

    def _needs_a_second_look(self, process: FakeProcess) -> bool:
        parent = process.parent
        return (
            process.key not in self.model.seen
            and process.pid != self.model.excluded
            and parent is not None
            and parent.pid in self.proc.late
        )


TestTreeMachine = TreeMachine.TestCase
TestTreeMachine.settings = settings(max_examples=100, stateful_step_count=40)
