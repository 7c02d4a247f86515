"""A run as it is kept: sizes at the peak, what it consisted of, what may be wrong with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memstat.comparing.growth import growths
from memstat.comparing.measurements import Flaw, Measurements, Program, Run
from memstat.comparing.pacing import choose_interval_s
from memstat.comparing.peaks import Machine, WalkedPeak, flaw_of, programs_of, run_of
from memstat.model import ReadStatus, Snapshot
from memstat.results import Peak, SamplingStats
from memstat.testing import snapshot_of
from tests.comparing.made import MIB, measured

STATS = SamplingStats(0.01, 100, 0, 0, 0.01, 0.0001, 0.001)
MACHINE = Machine("6.8.0", 4096)


def glanced(mib: int) -> Snapshot:
    """Return a snapshot of a process that has grown to this since its last walk, at 1 MiB."""
    snapshot = snapshot_of({7: mib * MIB})
    (process,) = snapshot.processes
    memory = replace(process.memory, uss_bytes=MIB)
    process = replace(process, memory=memory, walk_age_s=0.5, walked_pss_bytes=MIB)
    return replace(snapshot, processes=(process,), total=memory)


def test_sizes_that_only_a_walk_shows_are_unknown_when_none_was_near() -> None:
    run = run_of(Peak(9 * MIB, glanced(9)), STATS, MACHINE)
    assert (run.pss_bytes, run.uss_bytes, run.swap_bytes) == (9 * MIB, None, None)
    assert run.programs == (Program("p7", 1, 9 * MIB, 9 * MIB, 0, 0),)


@pytest.mark.parametrize(("mib", "known"), [(99.5, 99.5), (98, None)])
def test_a_walk_within_a_hundredth_of_the_peak_shows_them(mib: float, known: float | None) -> None:
    walked = WalkedPeak()
    for snapshot in (snapshot_of({7: round(mib * MIB)}), glanced(100), snapshot_of({7: MIB})):
        walked.add(snapshot)
    run = run_of(Peak(100 * MIB, glanced(100)), STATS, MACHINE, walked)
    assert run.uss_bytes == (known and round(known * MIB))


def test_a_run_without_a_peak_keeps_how_it_was_sampled() -> None:
    run = run_of(None, replace(STATS, samples=0), MACHINE)
    assert run == Run(samples=0, interval_s=0.01, kernel="6.8.0", page_bytes=4096)


@pytest.mark.parametrize(
    ("fields", "flaw"),
    [
        ({"complete": True}, None),
        ({}, Flaw.ENDED),
        ({"torn": True}, Flaw.TORN),
        ({"torn": True, "missing_reason": "hidden"}, Flaw.MISSING),
    ],
)
def test_the_reason_why_a_total_may_be_wrong(fields: dict[str, object], flaw: Flaw | None) -> None:
    snapshot = replace(snapshot_of({7: MIB}), **{"complete": False, **fields})  # type: ignore[arg-type]
    assert flaw_of(snapshot) is flaw


def test_a_process_that_cannot_be_read_is_the_worst() -> None:
    snapshot = snapshot_of({7: MIB, 8: MIB})
    first, second = snapshot.processes
    unreadable = replace(second, status=ReadStatus.UNREADABLE)
    partial = replace(snapshot, complete=False, torn=True, processes=(first, unreadable))
    assert flaw_of(partial) is Flaw.UNREADABLE
    assert flaw_of(snapshot_of({7: MIB, 8: None})) is Flaw.DENIED


def test_processes_of_one_name_are_one_program() -> None:
    snapshot = snapshot_of({7: MIB, 8: 2 * MIB, 9: 4 * MIB})
    processes = [replace(process, name="cc1") for process in snapshot.processes]
    assert programs_of(processes) == (Program("cc1", 3, 7 * MIB, 7 * MIB, 0, 0),)


def test_what_has_grown_is_taken_from_the_run_nearest_to_the_median() -> None:
    base = with_programs({"ld": 10, "cc1": 40}, {"ld": 10, "cc1": 90}, {"ld": 10, "cc1": 50})
    new = with_programs({"ld": 10, "cc1": 60, "as": 3})
    found = growths(base, new)
    assert [(growth.name, growth.pss_bytes // MIB) for growth in found] == [("cc1", 10), ("as", 3)]
    assert found[0].parts_bytes == (10 * MIB, 0, None)
    assert growths(base, measured(100)) == ()


def test_a_program_that_may_have_been_too_small_to_be_kept_has_not_grown() -> None:
    many = with_programs({f"worker-{number}": 10 for number in range(100)})
    few = with_programs({"worker-1": 10, "ld": 20})
    assert [growth.name for growth in growths(few, with_programs({"ld": 20}))] == ["worker-1"]
    assert "ld" not in {growth.name for growth in growths(many, few)}


def with_programs(*runs: dict[str, int]) -> Measurements:
    return Measurements(
        "make",
        tuple(
            Run(
                pss_bytes=sum(programs.values()) * MIB,
                programs=tuple(
                    Program(name, 1, mib * MIB, mib * MIB, 0, None)
                    for name, mib in programs.items()
                ),
            )
            for programs in runs
        ),
    )


@pytest.mark.parametrize(
    ("duration_s", "stats", "interval_s"),
    [
        (1.0, STATS, 0.005),
        (3600.0, STATS, 0.02),
        (0.01, STATS, 0.002),
        (1.0, replace(STATS, sweep_median_s=0.004), 0.008),
        (1.0, replace(STATS, missed_ticks=100), 0.0025),
        (1.0, replace(STATS, samples=0), 0.002),
    ],
)
def test_the_rate_follows_from_the_warm_up(
    duration_s: float, stats: SamplingStats, interval_s: float
) -> None:
    assert choose_interval_s(duration_s, stats) == interval_s
