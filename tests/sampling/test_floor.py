"""What the kernel's marks show beyond the samples."""

from __future__ import annotations

import pytest

from memstat.sampling.floor import RssMarks, rss_floor
from memstat.sampling.sweep import sweep_once
from memstat.testing import FakeProc
from tests.scopes import scope_of

MIB = 1 << 20


@pytest.mark.parametrize(
    ("sampled_mib", "mark_mib", "ended_mib", "floor_mib"),
    [
        (100, 100, None, None),
        (100, 104, None, None),
        (100, 106, None, 106),
        (3, 3.9, None, None),
        (3, 5, None, 5),
        (100, 100, 330, 330),
        (100, 400, 330, 400),
        (0, 0, 30, 30),
    ],
)
def test_only_a_clear_excess_counts(
    sampled_mib: float, mark_mib: float, ended_mib: int | None, floor_mib: int | None
) -> None:
    marks = RssMarks()
    marks.sampled_bytes, marks.mark_bytes = int(sampled_mib * MIB), int(mark_mib * MIB)
    floor = rss_floor(marks, None if ended_mib is None else ended_mib * MIB)
    assert floor == (None if floor_mib is None else floor_mib * MIB)


def test_the_marks_are_those_of_all_processes_and_samples() -> None:
    proc = FakeProc()
    root = proc.start("root", 5 * MIB)
    child = root.fork(9 * MIB)
    marks = RssMarks()
    marks.observe(sweep_once(proc, scope_of(root.key)))
    child.rss_peak_bytes = 50 * MIB
    child.use(MIB)
    marks.observe(sweep_once(proc, scope_of(root.key)))
    child.end()
    marks.observe(sweep_once(proc, scope_of(root.key)))
    assert (marks.sampled_bytes, marks.mark_bytes) == (9 * MIB, 50 * MIB)
    assert rss_floor(marks) == 50 * MIB
