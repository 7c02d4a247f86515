"""A benchmark and a comparison as people see them: on a narrow terminal, and with hostile names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from memstat.comparing.comparison import compare
from memstat.comparing.decision import Rule
from memstat.comparing.measurements import Flaw, Measurements, Metric, Program, Run
from memstat.report import bench_report, comparison, comparison_formats
from tests.comparing.made import MIB, measured, run_of_mib

EVIL = "<img src=x onerror=alert(1)>|`\x1b[31m\n"


def with_programs(mib: int, *, has_parts: bool = True, name: str = "make") -> Measurements:
    part = mib * MIB if has_parts else None
    program = Program(EVIL, 3, mib * MIB, part, part and 0, None)
    return Measurements(name, (run_of_mib(mib, programs=(program,)),) * 3)


def text(base: Measurements, new: Measurements, width: int | None = None) -> list[str]:
    return [*comparison.lines(compare([base], [new], Metric.PSS, Rule()), Rule(), width)]


def test_a_comparison_shows_what_has_grown() -> None:
    assert text(with_programs(100), with_programs(120, name="make -j"))[1:] == [
        "  against make",
        "  base  100 MiB   largest 100 MiB, 3 runs, spread 0.0 %",
        "  new   120 MiB   largest 120 MiB, 3 runs, spread 0.0 %",
        "  rule  over 5 % and 1.00 MiB more, with p <= 0.05: p is 0.05",
        "  at the peaks nearest to the medians:",
        "    MiB of PSS         base     new   change     anon     file    shmem",
        "    <img src=x o x3   100.0   120.0    +20.0    +20.0      0.0        ?",
    ]
    assert (
        comparison.NO_PARTS
        in text(with_programs(100, has_parts=False), with_programs(120, has_parts=False))[-1]
    )


@pytest.mark.parametrize("width", [80, 40])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    few = replace(measured(100, kernel="5.0"), name="make")
    for base, new in ((with_programs(100), with_programs(120)), (few, with_programs(300))):
        lines = text(base, new, width)
        assert max(map(len, lines)) <= width, "\n".join(lines)


def test_nothing_in_common_is_said() -> None:
    base = [measured(1, name="a"), measured(1, name="b")]
    compared = compare(base, [measured(1, name="c")], Metric.PSS, Rule())
    assert [*comparison.lines(compared, Rule())] == [
        "not comparable: nothing has the same name on both sides",
        *("only in the base: a", "only in the base: b", "not in the base: c"),
    ]


def test_a_name_is_shown_as_it_is_and_does_nothing() -> None:
    hostile = replace(measured(100, 100, 100), name=EVIL)
    compared = compare([hostile], [hostile, measured(1, name=EVIL + "2")], Metric.PSS, Rule())
    shown = "\n".join(comparison.lines(compared, Rule()))
    table = comparison_formats.markdown(compared, Rule())
    assert "\x1b" not in shown + table
    assert "<img" not in table
    assert all(line.count("|") in {0, 7} for line in table.splitlines())


def bench_lines(*runs: Run, width: int | None = None) -> list[str]:
    return bench_report.lines([Measurements("sort big.txt", runs)], width)


def test_a_benchmark_has_its_figures_and_a_strip_of_its_runs() -> None:
    runs = [run_of_mib(mib, duration_s=1.5, samples=120) for mib in (100, 100, 50)]
    assert bench_lines(*runs) == [
        "sort big.txt",
        "  median    100 MiB    ██▅",
        "  largest   100 MiB",
        "  spread    50.0 %, by the program",
        "  time      1.5 s, 3 runs",
        "  samples   120 or more, at 100 Hz",
    ]


def test_a_scatter_within_the_bounds_of_the_peaks_is_that_of_sampling() -> None:
    seen = run_of_mib(100)
    missed = run_of_mib(50, pss_high_bytes=101 * MIB)
    assert "  spread    50.0 %, by sampling" in bench_lines(seen, seen, missed)


def test_commands_are_compared_with_the_first() -> None:
    both = [measured(100, 100, 100, name="old"), measured(150, 150, 150, name="new")]
    assert bench_report.lines(both)[-3:] == [
        "Against old:",
        "  new",
        "    +50.0 %, more (p = 0.05)",
    ]


def test_a_narrow_terminal_cuts_names_alone() -> None:
    lines = bench_lines(*[run_of_mib(1000 * n, duration_s=0.5) for n in (1, 2, 3)], width=40)
    assert max(map(len, lines)) <= 40
    assert bench_lines(run_of_mib(1), width=8)[0] == "sort bi…"


@pytest.mark.parametrize(
    ("fields", "remark"),
    [
        ({"samples": 7}, "a run has only 7 samples, and a reliable peak needs 100: a higher"),
        ({"samples": 1, "interval_s": 0.002}, "a run has only 1 sample, and a reliable peak needs"),
        ({"flaw": Flaw.TORN}, "at 1 of 1 peak processes that share memory started or ended"),
        ({"exit_status": 1}, "1 of 1 run failed"),
        ({"pss_bytes": None}, "1 of 1 run could not be measured: too short"),
        ({"pss_high_bytes": 150 * MIB}, "the peak is an estimate in 1 of 1 run: between 100 and"),
    ],
)
def test_each_doubt_is_a_remark(fields: dict[str, Any], remark: str) -> None:
    (found,) = bench_report.remarks([measured(100, **fields)])
    assert found.startswith(f"sort: {remark}")
