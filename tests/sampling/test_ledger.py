"""The ledger's rules by example. In pages: what is 4 KiB here and there is 1 below."""

from __future__ import annotations

import pytest

from memstat.model import ProcessKey
from memstat.proc.source import Glance, WalkedPages
from memstat.sampling.family import Belief, Family
from memstat.sampling.ledger import Bounds, Ledger

PARENT, CHILD, OTHER = ProcessKey(10, 1), ProcessKey(11, 2), ProcessKey(12, 3)
MIB = 1 << 20
FAMILY, PROGRAM = 77, 88
MANY = 1 << 24
"""Enough to be worth learning from."""


def parent(
    anon: int = 0, *, file: int = 0, faults: int | None = None, family: int = FAMILY
) -> Glance:
    return Glance(family, 1, anon, file, anon + file if faults is None else faults)


def child(
    anon: int = 0, *, file: int = 0, faults: int = 0, family: int = FAMILY, ppid: int = PARENT.pid
) -> Glance:
    return Glance(family, ppid, anon, file, faults)


def walk(
    anon: int = 0,
    pss: int | None = None,
    *,
    file: int = 0,
    pss_file: int = 0,
    private: int | None = None,
) -> WalkedPages:
    """Return what a walk shows; without more, all anonymous pages are private."""
    pss = anon if pss is None else pss
    if private is None:
        private = max(0, 2 * pss - anon)
    return WalkedPages(anon, pss, file, pss_file, private)


def exactly(size: int) -> Bounds:
    return Bounds(size, size, size)


def limits(bounds: Bounds) -> tuple[int, int]:
    assert bounds.low <= bounds.best <= bounds.high
    return bounds.low, bounds.high


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def pair(ledger: Ledger) -> Ledger:
    """A parent and its child, which were walked: they share 100 pages."""
    ledger.observe({PARENT: parent(100), CHILD: child(100)})
    ledger.take_walks({PARENT: walk(100, 50), CHILD: walk(100, 50)})
    return ledger


# Anonymous pages


def test_nothing_is_observed_yet(ledger: Ledger) -> None:
    assert ledger.total == exactly(0)


def test_a_process_without_relatives_shares_nothing(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100), OTHER: parent(40, family=PROGRAM)})
    assert ledger.total == exactly(140)
    assert ledger.share(OTHER).bounds == exactly(40)


def test_relatives_that_were_there_before_share_between_nothing_and_all(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100), CHILD: child(80)})
    assert limits(ledger.total) == (100, 180)


def test_a_walk_shows_what_is_shared(pair: Ledger) -> None:
    assert pair.total == exactly(100)
    assert pair.share(PARENT).bounds == exactly(50)


def test_a_child_shares_what_it_maps_without_faults_of_its_own(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100)})
    ledger.observe({PARENT: parent(100), CHILD: child(100)})
    assert ledger.total == exactly(100)


def test_faults_of_a_child_may_have_been_copies(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100)})
    ledger.observe({PARENT: parent(100), CHILD: child(100, faults=30)})
    assert limits(ledger.total) == (100, 130)


def test_a_child_inherits_no_more_than_its_parent_had(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100)})
    ledger.observe({PARENT: parent(100), CHILD: child(150, faults=50)})
    assert ledger.total == exactly(150)


def test_the_parent_may_have_had_more_when_it_forked(ledger: Ledger) -> None:
    """It faulted 50 times and is as large as before: it may have grown, forked and shrunk."""
    ledger.observe({PARENT: parent(100)})
    ledger.observe({PARENT: parent(100, faults=150), CHILD: child(150)})
    assert limits(ledger.total) == (150, 150)
    ledger.observe({PARENT: parent(100, faults=150), CHILD: child(150, faults=10)})
    assert limits(ledger.total) == (150, 160)


def test_growth_is_no_copy(pair: Ledger) -> None:
    pair.observe({PARENT: parent(130, faults=130), CHILD: child(100)})
    assert pair.total == exactly(130)


def test_a_fault_without_growth_may_be_a_copy(pair: Ledger) -> None:
    pair.observe({PARENT: parent(100, faults=130), CHILD: child(100)})
    assert limits(pair.total) == (100, 130)


def test_pages_that_are_unmapped_may_have_been_shared(pair: Ledger) -> None:
    pair.observe({PARENT: parent(70, faults=100), CHILD: child(100)})
    assert limits(pair.total) == (100, 100)


def test_nobody_can_cease_to_share_more_than_it_shares(pair: Ledger) -> None:
    pair.observe({PARENT: parent(100, faults=5000), CHILD: child(100)})
    assert limits(pair.total) == (100, 200)


def test_who_ends_takes_out_what_it_shared(ledger: Ledger) -> None:
    third = ProcessKey(13, 4)
    ledger.observe({PARENT: parent(100), CHILD: child(100), third: child(100)})
    ledger.take_walks(
        {PARENT: walk(100, 34), CHILD: walk(100, 33), third: walk(100, 33)},
    )
    ledger.observe({PARENT: parent(100), CHILD: child(100)})
    assert limits(ledger.total) == (100, 100)


def test_who_is_alone_again_shares_nothing(pair: Ledger) -> None:
    pair.observe({CHILD: child(100, ppid=1)})
    assert pair.total == exactly(100)


def test_execve_leaves_the_family(pair: Ledger) -> None:
    pair.observe({PARENT: parent(100), CHILD: child(20, faults=20, family=PROGRAM)})
    assert pair.total == exactly(120)


def test_an_orphan_may_share_with_any_relative(ledger: Ledger) -> None:
    """Its parent came and went between two glances."""
    ledger.observe({PARENT: parent(100)})
    ledger.observe({PARENT: parent(100), CHILD: child(100, ppid=1)})
    assert limits(ledger.total) == (100, 200)


@pytest.mark.parametrize("order", [(CHILD, OTHER), (OTHER, CHILD)])
def test_a_child_that_forks_at_once_shares_its_own_pages(
    ledger: Ledger, order: tuple[ProcessKey, ProcessKey]
) -> None:
    """In whatever order they are listed. The child inherits 10 pages, gets 90 and forks."""
    ledger.observe({PARENT: parent(10)})
    glances = {CHILD: child(100, faults=90), OTHER: child(100, ppid=CHILD.pid)}
    ledger.observe({PARENT: parent(10), **{key: glances[key] for key in order}})
    low, high = limits(ledger.total)
    assert low <= 100 <= high
    assert ledger.share(CHILD).bounds.low <= 50


def test_a_recycled_pid_is_not_the_parent(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100)})
    again = ProcessKey(PARENT.pid, 9)
    ledger.observe({again: parent(100, family=PROGRAM), CHILD: child(100)})
    assert ledger.total == exactly(200)


def test_a_huge_page_may_hide_a_copy(pair: Ledger) -> None:
    """It grew by 512 pages with 20 faults: 19 of them may have been copies."""
    pair.observe({PARENT: parent(612, faults=120), CHILD: child(100)})
    assert limits(pair.total) == (612, 632)


def test_a_walk_tells_of_huge_pages_too(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100), CHILD: child(100)})
    ledger.take_walks(
        {PARENT: WalkedPages(100, 50, 0, 0, 0, has_huge=True), CHILD: walk(100, 50)},
    )
    ledger.observe({PARENT: parent(120, faults=120), CHILD: child(100)})
    assert limits(ledger.total) == (120, 140)


def test_sharers_outside_the_tree_leave_little_to_be_proved(ledger: Ledger) -> None:
    """Alone in the tree, it counts a third of what it maps: two others have inherited it too."""
    ledger.observe({CHILD: child(3 * MANY, ppid=1)})
    ledger.take_walks({CHILD: walk(3 * MANY, MANY)})
    assert ledger.total == exactly(MANY)
    ledger.observe({CHILD: child(3 * MANY, ppid=1)})
    assert limits(ledger.total) == (0, 3 * MANY)
    assert ledger.has_changed


def test_of_an_unknown_family_nothing_is_known(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100, family=0)})
    assert limits(ledger.total) == (0, 100)


def test_a_walk_shows_that_an_unknown_family_shares_nothing(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100, family=0)})
    ledger.take_walks({PARENT: walk(100)})
    ledger.observe({PARENT: parent(120, family=0)})
    assert limits(ledger.total) == (120, 120)
    assert ledger.share(PARENT).bounds.best == 120


# Pages of files and shared memory


def test_files_that_were_never_walked_count_between_nothing_and_all(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100, file=30)})
    assert limits(ledger.total) == (100, 130)


def test_a_walk_shows_what_files_count(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100, file=30)})
    ledger.take_walks({PARENT: walk(100, file=30, pss_file=12)})
    assert ledger.total == exactly(112)


@pytest.mark.parametrize(("file", "low", "high"), [(35, 12, 17), (25, 7, 12)])
def test_a_change_of_files_widens_the_bounds_by_as_much(
    ledger: Ledger, file: int, low: int, high: int
) -> None:
    ledger.observe({PARENT: parent(file=30)})
    ledger.take_walks({PARENT: walk(file=30, pss_file=12)})
    ledger.observe({PARENT: parent(file=file)})
    assert limits(ledger.total) == (low, high)


@pytest.fixture
def library(ledger: Ledger) -> Ledger:
    """Two programs that map the same 30 pages."""
    ledger.observe({PARENT: parent(file=30), OTHER: parent(file=30, family=PROGRAM)})
    half = walk(file=30, pss_file=15)
    ledger.take_walks({PARENT: half, OTHER: half})
    return ledger


def test_what_one_unmaps_the_other_may_count(library: Ledger) -> None:
    library.observe({PARENT: parent(file=30), OTHER: parent(0, faults=30, family=PROGRAM)})
    assert limits(library.total) == (15, 30)
    assert limits(library.share(PARENT).bounds) == (15, 30)


def test_what_one_that_ended_shared_the_other_may_count(library: Ledger) -> None:
    library.observe({PARENT: parent(file=30)})
    assert limits(library.total) == (15, 30)
    assert limits(library.share(PARENT).bounds) == (15, 30)


def test_private_pages_end_with_their_process(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(file=30), OTHER: parent(file=30, family=PROGRAM)})
    own = walk(file=30, pss_file=30, private=30)
    ledger.take_walks({PARENT: own, OTHER: own})
    ledger.observe({PARENT: parent(file=30)})
    assert ledger.total == exactly(30)


def test_a_newcomer_may_map_what_another_does(library: Ledger) -> None:
    """All may count less each then, but together no less."""
    newcomer = ProcessKey(13, 4)
    library.observe(
        {
            PARENT: parent(file=30),
            OTHER: parent(file=30, family=PROGRAM),
            newcomer: parent(file=30, family=99),
        }
    )
    assert limits(library.total) == (30, 60)
    assert limits(library.share(PARENT).bounds) == (0, 15)


def test_an_exchange_of_files_is_not_seen(library: Ledger) -> None:
    """A known limit: it has unmapped 30 shared pages and mapped 30 that are its own."""
    exchanged = parent(file=30, faults=60, family=PROGRAM)
    library.observe({PARENT: parent(file=30), OTHER: exchanged})
    assert library.total == exactly(30)


# The best value


def test_half_of_what_is_unknown_is_believed_at_first(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100), CHILD: child(100)})
    assert ledger.total == Bounds(100, 150, 200)


def test_what_walks_show_is_believed_of_the_next(ledger: Ledger) -> None:
    """They shared all that they could, so more than half of it is believed next time."""
    ledger.observe({PARENT: parent(MANY), CHILD: child(MANY)})
    assert ledger.total.best == 1.5 * MANY
    ledger.take_walks({PARENT: walk(MANY, MANY // 2), CHILD: walk(MANY, MANY // 2)})
    ledger.observe({PARENT: parent(MANY), CHILD: child(MANY, faults=MANY)})
    assert limits(ledger.total) == (MANY, 2 * MANY)
    assert ledger.total.best == pytest.approx(1.35 * MANY)


def test_the_best_values_of_all_add_up(ledger: Ledger) -> None:
    glances = {
        PARENT: parent(101, file=33),
        CHILD: child(77, file=11),
        OTHER: child(55, file=7, faults=13),
    }
    ledger.observe(glances)
    shares = [ledger.share(key).bounds for key in glances]
    assert sum(share.best for share in shares) == ledger.total.best
    assert all(share.low <= share.best <= share.high for share in shares)


# Walks that are not of one moment


def test_a_torn_walk_is_not_added_up(pair: Ledger) -> None:
    """Each was read while it was alone, before it forked or after the other had ended."""
    before = pair.total
    pair.take_walks({PARENT: walk(100), CHILD: walk(100)}, torn_families={FAMILY})
    assert pair.total == before


def test_what_each_reading_proves_holds_from_the_next_glance_on(ledger: Ledger) -> None:
    """Of the parent's 100 pages, 90 were its own: the two share no more than 10."""
    glances = {PARENT: parent(100), CHILD: child(100)}
    ledger.observe(glances)
    ledger.take_walks(
        {PARENT: walk(100, 95, private=90), CHILD: walk(100, 95, private=90)},
        torn_families={FAMILY},
    )
    assert limits(ledger.total) == (100, 200)
    ledger.observe(glances)
    assert limits(ledger.total) == (190, 200)


def test_a_process_that_shares_with_others_outside_is_not_all_its_own_in_a_torn_walk(
    ledger: Ledger,
) -> None:
    ledger.observe({PARENT: parent(100 * MIB)})
    ledger.take_walks({PARENT: walk(100 * MIB, 50 * MIB)}, torn_families={FAMILY})
    assert limits(ledger.total) == (0, 100 * MIB)
    ledger.take_walks({PARENT: walk(100 * MIB, 50 * MIB)})
    assert ledger.total == exactly(50 * MIB)


def test_a_process_that_was_alone_shares_with_nothing_outside_in_a_torn_walk(
    ledger: Ledger,
) -> None:
    ledger.observe({PARENT: parent(100 * MIB)})
    ledger.take_walks({PARENT: walk(100 * MIB)})
    ledger.take_walks({PARENT: walk(100 * MIB, 50 * MIB)}, torn_families={FAMILY})
    assert ledger.total == exactly(100 * MIB)


def test_what_was_lost_before_a_torn_walk_is_charged_after_it(pair: Ledger) -> None:
    pair.take_walks(
        {PARENT: walk(100, 95), CHILD: walk(100, 95)},
        torn_families={FAMILY},
    )
    pair.observe({PARENT: parent(100, faults=190), CHILD: child(100)})
    assert limits(pair.total) == (190, 190)


def test_a_family_of_which_one_was_not_walked_keeps_its_bounds(ledger: Ledger) -> None:
    glances = {PARENT: parent(100), CHILD: child(100), OTHER: parent(7, family=PROGRAM)}
    ledger.observe(glances)
    ledger.take_walks({PARENT: walk(100, 50), OTHER: walk(7)})
    assert limits(ledger.total) == (107, 207)
    assert ledger.has_changed


def test_a_walk_of_a_process_that_no_glance_showed_is_not_used(ledger: Ledger) -> None:
    ledger.observe({PARENT: parent(100)})
    ledger.take_walks({PARENT: walk(100), CHILD: walk(100, 50)})
    assert ledger.total == exactly(100)


def test_unseen_sharers_of_files_make_a_torn_walk_show_less(ledger: Ledger) -> None:
    """Three map a file and one ends. While the two are walked, an unseen child of theirs maps it.

    They count a third each again, but when the child has ended, a half.
    """
    third = ProcessKey(13, 4)
    ledger.observe({PARENT: parent(file=30), CHILD: child(file=30), third: child(file=30)})
    part = walk(file=30, pss_file=10)
    ledger.take_walks({PARENT: part, CHILD: part, third: part})
    two = {PARENT: parent(file=30), CHILD: child(file=30)}
    ledger.observe(two)
    ledger.take_walks({PARENT: part, CHILD: part}, torn_families={FAMILY})
    ledger.observe(two)
    assert limits(ledger.total) == (20, 30)
    assert limits(ledger.share(PARENT).bounds) == (10, 20)


# Whether anything has changed since


def test_nothing_has_changed_after_a_walk(pair: Ledger) -> None:
    assert not pair.has_changed
    pair.observe({PARENT: parent(100), CHILD: child(100)})
    assert not pair.has_changed


@pytest.mark.parametrize(
    "glances",
    [
        {PARENT: parent(101), CHILD: child(100)},
        {PARENT: parent(100, file=1), CHILD: child(100)},
        {PARENT: parent(100, faults=101), CHILD: child(100)},
        {PARENT: parent(100)},
        {PARENT: parent(100), OTHER: child(100)},
        {PARENT: parent(100), CHILD: child(100), OTHER: child(100)},
        {PARENT: parent(100), CHILD: child(100, family=PROGRAM)},
    ],
    ids=["grows", "maps a file", "faults", "ends", "another", "one more", "execve"],
)
def test_whatever_happens_is_a_change(pair: Ledger, glances: dict[ProcessKey, Glance]) -> None:
    pair.observe(glances)
    assert pair.has_changed


def test_the_order_of_processes_does_not_matter(pair: Ledger) -> None:
    pair.observe({CHILD: child(100), PARENT: parent(100)})
    assert not pair.has_changed
    assert pair.total == exactly(100)


def test_only_what_has_changed_is_added_up_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of 500 processes do nothing most of the time, and the ledger is asked at every tick."""
    glances = {ProcessKey(pid, 1): parent(100, family=pid) for pid in range(1, 500)}
    ledger.observe(glances)
    ledger.take_walks({key: walk(100) for key in glances})
    added: list[int] = []
    add_up = Family.add_up

    def count(family: Family, belief: Belief) -> None:
        added.append(len(family.members))
        add_up(family, belief)

    monkeypatch.setattr(Family, "add_up", count)
    ledger.observe(dict(glances))
    assert not added
    ledger.observe(glances | {ProcessKey(7, 1): parent(120, family=7)})
    assert added == [1]
    assert ledger.total == exactly(499 * 100 + 20)
