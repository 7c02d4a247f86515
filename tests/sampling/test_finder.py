"""Members that are found by looking at newcomers alone, held against a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from memstat.model import Identity, ProcessKey
from memstat.sampling.finder import Finder
from memstat.testing import FakeProcess
from tests.proc.tree_model import TreeModel
from tests.sampling.clocked import ClockedProc
from tests.scopes import scope_of

DEAR_S = 0.05
"""A listing that takes as long as to look at 1,600 numbers; due every 25 s."""
TICK_S = 0.1
LOW, HIGH = 300, 10_000
"""Where PIDs begin anew, and where they are before: too far apart to look at all in between."""


UNDER_WAY = 15
"""So many numbers are given at most before one can be seen."""
WHICH = st.integers(0, 99)


def chosen(processes: Sequence[FakeProcess], which: int) -> FakeProcess:
    return processes[which % len(processes)]


class UnseenProc(ClockedProc):
    """A system in which a process may have its number before it can be seen."""

    def __init__(self, *, listing_s: float) -> None:
        self.unseen: dict[int, int] = {}
        """PIDs, and how many numbers had been given with each."""
        self.given = 0
        super().__init__(listing_s=listing_s)
        self._ids = count(HIGH)

    @property
    def under_way(self) -> int:
        """How many numbers were given since the first that cannot be seen."""
        return self.given - min(self.unseen.values(), default=self.given)

    def gave_pid(self, number: int) -> None:
        self.given += 1
        super().gave_pid(number)

    @property
    def is_low(self) -> bool:
        """Whether the newest number is a small one."""
        return self._newest_pid < HIGH

    def go_on_elsewhere(self) -> None:
        """Give small numbers again, as after the largest; or large ones, after many in between."""
        self._ids = count(HIGH if self.is_low else LOW)

    def list_processes(self) -> Mapping[int, int]:
        listing = super().list_processes()
        return {pid: inode for pid, inode in listing.items() if pid not in self.unseen}

    def identify(self, pid: int) -> Identity | None:
        return None if pid in self.unseen else super().identify(pid)

    @property
    def visible(self) -> list[FakeProcess]:
        return [p for p in self.processes.values() if p.pid not in self.unseen]


class FinderMachine(RuleBasedStateMachine):
    """Random processes that a finder catches up with, and what must belong."""

    @initialize(adopts=st.booleans(), listing_s=st.sampled_from([DEAR_S, DEAR_S, DEAR_S, 0.0]))
    def begin(self, *, adopts: bool, listing_s: float) -> None:
        self.proc = UnseenProc(listing_s=listing_s)
        self.host = self.proc.start("host", 0)
        self.host.adopts_orphans = adopts
        excluded, root = self.host.fork(0), self.host.fork(0)
        self.model = TreeModel(root, excluded.pid, self.host.pid if adopts else None)
        self.finder = Finder(self.proc, self.model.scope, self.proc.clock)
        self.look()

    @precondition(lambda self: self.proc.under_way < UNDER_WAY)
    @rule(which=WHICH, unseen=st.booleans())
    def fork(self, which: int, *, unseen: bool) -> None:
        child = chosen(self._living(), which).fork(0)
        if unseen:
            self.proc.unseen[child.pid] = self.proc.given

    @precondition(lambda self: self.proc.under_way < UNDER_WAY)
    @rule(which=WHICH)
    def start_thread(self, which: int) -> None:
        chosen(self._living(), which).start_thread()

    @precondition(lambda self: self._threaded())
    @rule(which=WHICH)
    def end_thread(self, which: int) -> None:
        chosen(self._threaded(), which).thread_ids.pop()

    @precondition(lambda self: self._mortal())
    @rule(which=WHICH, reaped=st.booleans())
    def end(self, which: int, *, reaped: bool) -> None:
        process = chosen(self._mortal(), which)
        process.end()
        if reaped:
            process.reap()

    @rule()
    def reap_all(self) -> None:
        for process in [*self.proc.processes.values()]:
            if not process.identity.is_alive:
                process.reap()

    @precondition(lambda self: not self.proc.unseen if self.proc.is_low else True)
    @precondition(lambda self: self.proc.is_low == self.was_low)
    @rule()
    def go_on_elsewhere(self) -> None:
        """No more than once between two looks: so many processes are not started meanwhile."""
        self.proc.go_on_elsewhere()

    @rule(later_s=st.sampled_from([0.5, 2.0, 30.0]))
    def wait(self, later_s: float) -> None:
        self.proc.now_s += later_s

    @rule(quickly=st.booleans())
    def look(self, *, quickly: bool = False) -> None:
        self.model.take_in(self.proc.visible)
        self._catch_up(quickly=quickly)
        members = self.finder.members()
        assert [(node.key, node.depth) for node in members] == [*self.model.members()]

    @rule()
    def look_while_no_listing_succeeds_and_again(self) -> None:
        visible = self.proc.visible
        self.proc.listing_error = "no memory"
        self._catch_up()
        self.proc.listing_error = None
        # Those that could not be seen then can be now, as in the look after any other.
        self.model.take_in(visible)
        self.look()

    def teardown(self) -> None:
        if hasattr(self, "proc"):
            self.look()
            self.look()

    def _catch_up(self, *, quickly: bool = False) -> None:
        """Do as a sweep does, one tick later: catch up, and take out what has ended."""
        self.proc.now_s += TICK_S
        if quickly:
            # Where that is not enough, a sweep catches up thoroughly at once.
            self.finder.catch_up_quickly()
        found = self.finder.catch_up()
        assert found.nodes == self.finder.members()
        for node in found.nodes:
            if self.proc.find(node.key) is None:
                assert self.finder.remove(node.key.pid)
        self.proc.unseen.clear()
        self.was_low = self.proc.is_low

    def _living(self) -> list[FakeProcess]:
        """Return what can do anything: not before it can be seen."""
        return [process for process in self.proc.visible if process.identity.is_alive]

    def _threaded(self) -> list[FakeProcess]:
        return [process for process in self._living() if process.thread_ids]

    def _mortal(self) -> list[FakeProcess]:
        """Return what may end: none does while it forks."""
        forking = [self.proc.processes[pid].parent for pid in self.proc.unseen]
        lasting = (self.proc.init, self.host, *forking)
        return [process for process in self._living() if process not in lasting]


TestFinderMachine = FinderMachine.TestCase
TestFinderMachine.settings = settings(max_examples=100, stateful_step_count=40)


# Arrivals


def test_what_was_under_way_at_the_last_look_has_arrived_since() -> None:
    proc = UnseenProc(listing_s=DEAR_S)
    root = proc.start("root", 0)
    finder = finder_of(proc, root)
    assert not finder.arrivals()
    child = root.fork(0)
    proc.unseen[child.pid] = proc.given
    finder.catch_up()
    assert not finder.arrivals()
    proc.unseen.clear()
    arrived = finder.arrivals()
    assert arrived is not None
    assert [identity.pid for identity in arrived] == [child.pid]


# Chosen numbers


def finder_of(proc: ClockedProc, root: FakeProcess) -> Finder:
    finder = Finder(proc, scope_of(root.key), proc.clock)
    finder.catch_up()
    # Numbers that no process had are looked at once more.
    finder.catch_up()
    return finder


def keys(finder: Finder) -> set[ProcessKey]:
    return {node.key for node in finder.catch_up().nodes}


def test_while_no_number_is_given_nothing_is_listed_but_once_a_second() -> None:
    proc = ClockedProc(listing_s=0.001)
    finder = finder_of(proc, proc.start("root", 0))
    ticks = 0
    while proc.now_s < 10.0:
        proc.now_s += TICK_S
        finder.catch_up()
        ticks += 1
    assert ticks > 90
    assert proc.listings in range(8, 12)


def test_a_dear_listing_is_made_more_seldom() -> None:
    proc = ClockedProc(listing_s=0.008)
    finder = finder_of(proc, proc.start("root", 0))
    while proc.now_s < 60.0:
        proc.now_s += TICK_S
        finder.catch_up()
    assert proc.listings in range(14, 17), "every 4 s, as it takes 0.2 % of that"


def test_what_was_given_a_chosen_number_is_found_within_a_second() -> None:
    """The kernel gives a number of its own choice next: that it was used, it does not report."""
    proc = ClockedProc(listing_s=0.001)
    root = proc.start("root", 0)
    finder = finder_of(proc, root)
    newest = proc.newest_pid()
    assert newest is not None
    child = proc.start("restored", 0, parent=root, pid=50)
    proc.gave_pid(newest)
    assert keys(finder) == {root.key}
    proc.now_s += 1.01
    assert finder.catch_up_quickly() is None
    assert keys(finder) == {root.key, child.key}


def test_what_has_got_the_newest_number_anew_is_found_within_a_second() -> None:
    """By ``ns_last_pid``, or after a lap of all numbers: the newest number is the same again."""
    proc = ClockedProc(listing_s=0.001)
    root = proc.start("root", 0)
    child = root.fork(0)
    finder = finder_of(proc, root)
    child.end()
    child.reap()
    heir = proc.start("heir", 0, parent=root, pid=child.pid)
    assert keys(finder) == {root.key, child.key}
    # That its process has ended is seen by its reader.
    assert finder.remove(child.pid)
    assert keys(finder) == {root.key}
    proc.now_s += 1.01
    assert keys(finder) == {root.key, heir.key}


def test_after_a_listing_that_failed_the_next_look_lists() -> None:
    proc = ClockedProc(listing_s=0.001)
    root = proc.start("root", 0)
    finder = finder_of(proc, root)
    proc.now_s += 2.0
    proc.listing_error = "no memory"
    found = finder.catch_up()
    assert [node.key for node in found.nodes] == [root.key]
    assert found.missing_reason == "the processes could not be listed: no memory"
    proc.listing_error = None
    before = proc.listings
    assert finder.catch_up().missing_reason is None
    assert proc.listings == before + 1


def test_where_the_whole_tree_has_ended_a_failed_listing_does_not_bring_it_back() -> None:
    proc = ClockedProc()
    root = proc.start("root", 0)
    finder = finder_of(proc, root)
    root.end()
    root.reap()
    finder.remove(root.pid)
    proc.listing_error = "no memory"
    assert finder.find().nodes == ()
