"""What has changed from one snapshot of a recording to the next."""

from __future__ import annotations

from dataclasses import replace

from memstat.deferred import undated
from memstat.model import ProcessSample
from memstat.recording.following import Follower
from memstat.recording.rebuilt import walk_ages_of
from tests.recorded import MIB, process, recording_of, snapshots

GLANCED = replace(process(8, "cc", MIB), walk_age_s=0.5)


def make(size: int) -> ProcessSample:
    return replace(process(7, "make", size), walk_age_s=None)


COURSE = snapshots(
    [make(MIB), GLANCED],
    [make(MIB), replace(GLANCED, walk_age_s=0.6)],
    [make(2 * MIB), replace(GLANCED, walk_age_s=0.7)],
    [make(2 * MIB), process(8, "ld", MIB, start_ticks=9)],
)


def test_what_has_not_changed_is_the_same_object_but_for_its_walk() -> None:
    course = [(undated(snapshot), snapshot) for snapshot in recording_of(*COURSE)]
    (first, _), (second, _), (third, _), _ = course
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert (third[0] is second[0], third[1] is second[1]) == (False, True)
    assert [snapshot for _, snapshot in course] == COURSE


def test_the_processes_are_those_with_the_ages_of_their_walks() -> None:
    for snapshot in recording_of(*COURSE):
        lasting, ages_s = undated(snapshot), walk_ages_of(snapshot)
        together = zip(lasting, ages_s, strict=True)
        assert [replace(p, walk_age_s=age_s) for p, age_s in together] == [*snapshot.processes]
        # Those that were looked at before are as good.
        assert (undated(snapshot), walk_ages_of(snapshot)) == (snapshot.processes, ages_s)


def test_a_step_has_what_changed_and_what_ended() -> None:
    follower = Follower()
    steps = [follower.step(snapshot) for snapshot in recording_of(*COURSE)]
    assert [[p.name for p in step.changed] for step in steps] == [
        ["make", "cc"],
        [],
        ["make"],
        ["ld"],
    ]
    assert [[key.pid for key in step.ended] for step in steps] == [[], [], [], [8]]
    assert [p.name for p in follower.processes] == ["make", "ld"]
