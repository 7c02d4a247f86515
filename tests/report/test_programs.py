"""The largest memory of each program."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from memstat.model import Memory, ProcessSample
from memstat.report.programs import ProgramPeak, Programs
from tests.recorded import process, recording_of, snapshots


def peaks_of(*trees: list[ProcessSample]) -> list[ProgramPeak]:
    programs = Programs()
    for snapshot in recording_of(*snapshots(*trees)):
        programs.add(snapshot)
    return [*programs.peaks()]


def test_processes_of_one_name_count_together_at_one_instant() -> None:
    (cc,) = peaks_of(
        [process(8, "cc", 40), process(9, "cc", 10)],
        [process(8, "cc", 20), process(9, "cc", 50)],
        [process(10, "cc", 60)],
    )
    assert (cc.name, cc.processes, cc.together.pss_bytes, cc.elapsed_s) == ("cc", 3, 70, 0.1)
    assert cc.largest.pss_bytes == 60


def test_the_largest_come_first_and_what_has_nothing_is_left_out() -> None:
    found = peaks_of(
        [process(7, "make", 5), process(8, "as", 5), process(9, "ld", 9), process(10, "sh", None)]
    )
    assert [peak.name for peak in found] == ["ld", "as", "make"]


def test_names_that_differ_by_a_number_are_one_program() -> None:
    (workers,) = peaks_of([process(8, "worker-1", 5), process(9, "worker-2", 6)])
    assert (workers.name, workers.together.pss_bytes) == ("worker-*", 11)


def test_a_process_belongs_to_the_program_that_it_executes() -> None:
    found = peaks_of([process(8, "sh", 5)], [process(8, "cc", 50)], [process(8, "cc", 40)])
    assert [(peak.name, peak.processes, peak.together.pss_bytes) for peak in found] == [
        ("cc", 1, 50),
        ("sh", 1, 5),
    ]


def test_an_estimate_has_the_bounds_of_its_instant() -> None:
    first = replace(
        process(8, "cc", 0), memory=Memory(pss_bytes=5, pss_low_bytes=4, pss_high_bytes=8)
    )
    (cc,) = peaks_of([first, process(9, "cc", 10)], [first])
    assert cc.together == Memory(pss_bytes=15, pss_low_bytes=14, pss_high_bytes=18)
    assert not cc.largest.is_estimated


TREES = st.lists(
    st.dictionaries(
        st.integers(1, 6),
        st.tuples(st.sampled_from(["cc", "ld"]), st.integers(0, 99), st.integers(1, 2)),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=50)
@given(TREES)
def test_it_is_what_adding_up_each_snapshot_gives(
    trees: list[dict[int, tuple[str, int, int]]],
) -> None:
    """Whatever comes, goes, changes its size, executes another program or gets a recycled PID."""
    found = peaks_of(
        *(
            [
                process(pid, name, size, start_ticks=start)
                for pid, (name, size, start) in tree.items()
            ]
            for tree in trees
        )
    )
    most = {
        name: max(sum(size for of, size, _ in tree.values() if of == name) for tree in trees)
        for name in ("cc", "ld")
    }
    assert {peak.name: peak.together.pss_bytes for peak in found} == {
        name: size for name, size in most.items() if size
    }
