"""The tree at the peak as folded stacks."""

from __future__ import annotations

from dataclasses import replace

from memstat.exports.folded import folded_text, stacks
from memstat.model import Memory, ReadStatus
from tests.recorded import MIB, process, recording_of, snapshots

MAKE = process(7, "make", 4 * MIB, depth=0)
TREE = [
    MAKE,
    replace(process(8, "sh", Memory(), depth=1), status=ReadStatus.NO_MEMORY),
    process(9, "cc", 2 * MIB, depth=2),
    process(10, "cc", 3 * MIB, depth=2),
    process(11, "cc", MIB, depth=1),
]


def test_each_path_of_names_has_the_sum_of_its_processes() -> None:
    (snapshot,) = snapshots(TREE)
    assert stacks(snapshot).splitlines() == [
        f"make {4 * MIB}",
        f"make;sh;cc {5 * MIB}",
        f"make;cc {MIB}",
    ]


def test_it_is_the_tree_at_the_peak() -> None:
    recording = recording_of(*snapshots([MAKE], TREE, [MAKE]))
    assert "".join(folded_text(recording)).count("\n") == 3
    assert [*folded_text(recording_of())] == []


def test_a_name_is_one_frame() -> None:
    hostile = [replace(MAKE, name="a;b 12\n"), process(8, "", MIB)]
    (snapshot,) = snapshots(hostile)
    assert stacks(snapshot).splitlines() == [rf"a,b_12\n {4 * MIB}", rf"a,b_12\n;_ {MIB}"]


def test_a_tree_of_which_the_root_is_unknown_has_paths_too() -> None:
    (snapshot,) = snapshots([process(8, "orphan", MIB, depth=1), process(9, "other", MIB, depth=1)])
    assert stacks(snapshot).splitlines() == [f"orphan {MIB}", f"other {MIB}"]
