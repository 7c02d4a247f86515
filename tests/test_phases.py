"""Peaks of phases, with made-up snapshots."""

from __future__ import annotations

import pytest

from memstat.sampling.peak import Phases
from memstat.testing import snapshot_of


def observed(*totals: tuple[float, int | None]) -> Phases:
    phases = Phases()
    for elapsed_s, pss_bytes in totals:
        phases.observe(snapshot_of({7: pss_bytes}, elapsed_s=elapsed_s))
    return phases


def peak_bytes(phases: Phases) -> int | None:
    return None if phases.peak is None else phases.peak.pss_bytes


def test_a_mark_has_the_peak_since_the_mark_before() -> None:
    phases = observed((0.1, 10), (0.2, 30))
    first = phases.mark("first", 0.25)
    phases.observe(snapshot_of({7: 20}, elapsed_s=0.3))
    second = phases.mark("second", 0.35)
    assert first.peak is not None
    assert second.peak is not None
    assert (first.peak.pss_bytes, first.peak.elapsed_s) == (30, 0.2)
    assert (second.peak.pss_bytes, second.peak.elapsed_s) == (20, 0.3)
    assert phases.marks == (first, second)


def test_a_mark_without_a_sample_has_no_peak() -> None:
    phases = observed((0.1, 10))
    phases.mark("first", 0.2)
    assert phases.mark("second", 0.2).peak is None


def test_a_mark_where_nothing_could_be_measured_has_no_peak() -> None:
    assert observed((0.1, None)).mark("denied", 0.2).peak is None


def test_marks_leave_the_peak_alone() -> None:
    phases = observed((0.1, 30))
    phases.mark("loaded", 0.2)
    phases.observe(snapshot_of({7: 20}, elapsed_s=0.3))
    assert peak_bytes(phases) == 30


def test_a_reset_begins_the_peak_anew_and_leaves_marks_and_whole_alone() -> None:
    phases = observed((0.1, 30))
    phases.reset(0.2)
    assert phases.peak is None
    phases.observe(snapshot_of({7: 20}, elapsed_s=0.3))
    assert peak_bytes(phases) == 20
    mark = phases.mark("end", 0.4)
    assert mark.peak is not None
    assert mark.peak.pss_bytes == 30
    assert phases.whole_peak is not None
    assert phases.whole_peak.pss_bytes == 30


@pytest.mark.parametrize("boundary", ["reset", "mark"])
def test_a_sweep_under_way_at_a_boundary_belongs_to_neither_side(boundary: str) -> None:
    phases = observed((0.1, 10))
    if boundary == "reset":
        phases.reset(0.3)
    else:
        phases.mark("before", 0.3)
    phases.observe(snapshot_of({7: 99}, elapsed_s=0.29))
    phases.observe(snapshot_of({7: 20}, elapsed_s=0.4))
    after = phases.peak if boundary == "reset" else phases.mark("after", 0.5).peak
    assert after is not None
    assert after.pss_bytes == 20
