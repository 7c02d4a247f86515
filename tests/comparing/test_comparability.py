"""What keeps two measurements from being compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memstat.comparing.comparability import doubts, obstacles
from memstat.comparing.comparison import compare
from memstat.comparing.decision import Outcome, Rule
from memstat.comparing.measurements import Flaw, Measurements, Metric
from tests.comparing.made import MIB, measured, run_of_mib

BASE = measured(100, 101, 102)
FAR_APART = (
    "the intervals are far apart: 10 ms and 100 ms between samples, and a run has fewer than 100"
)


def with_flaws(*flaws: Flaw | None) -> Measurements:
    return Measurements("sort", tuple(run_of_mib(100, flaw=flaw) for flaw in flaws))


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (measured(100, kernel="6.12.3"), "the kernels differ: Linux 6.8 and 6.12"),
        (measured(100, page_bytes=16384), "the sizes of a page differ: 4096 and 16384 B"),
        (
            measured(100, samples=30, interval_s=0.1),
            FAR_APART,
        ),
        (with_flaws(Flaw.DENIED, None, None), "at 1 of 3 peaks of NEW a process could not be read"),
        (
            with_flaws(Flaw.TORN, Flaw.ENDED, None),
            "at 2 of 3 peaks of NEW processes that share memory started or ended while it was read",
        ),
        (measured(100, pss_bytes=None), "NEW has no PSS"),
        (
            Measurements("sort", (run_of_mib(5), run_of_mib(5, pss_bytes=None))),
            "NEW has 1 run without PSS",
        ),
    ],
)
def test_each_reason_is_named_and_force_ignores_it(new: Measurements, reason: str) -> None:
    assert obstacles(BASE, new, Metric.PSS) == (reason,)
    (pair,) = compare([BASE], [new], Metric.PSS, Rule()).pairs
    assert pair.outcome is Outcome.NOT_COMPARABLE
    (forced,) = compare([BASE], [new], Metric.PSS, Rule(), force=True).pairs
    has_sizes = bool(new.sizes_bytes(Metric.PSS))
    assert (forced.outcome is not Outcome.NOT_COMPARABLE) == has_sizes


@pytest.mark.parametrize(
    "new",
    [
        measured(100, kernel="6.8.12-azure"),
        measured(100, kernel=None, page_bytes=None),
        measured(100, interval_s=0.04, samples=30),
        measured(100, interval_s=0.1),
        measured(100, interval_s=None, samples=None),
        with_flaws(Flaw.TORN, None, None),
    ],
)
def test_what_differs_little_or_is_unknown_is_no_reason(new: Measurements) -> None:
    assert obstacles(BASE, new, Metric.PSS) == ()


def test_a_few_torn_peaks_are_a_doubt() -> None:
    assert doubts(with_flaws(Flaw.ENDED, None), BASE) == (
        "at 1 of 2 peaks of BASE a process ended while it was read",
    )


def test_estimates_that_may_hide_a_growth_are_a_doubt() -> None:
    guessed = measured(100, 100, pss_low_bytes=80 * MIB, pss_high_bytes=100 * MIB)
    narrow = measured(100, pss_low_bytes=98 * MIB)
    assert doubts(narrow, guessed) == (
        "estimates at 2 of 2 peaks of NEW, with bounds up to 20 % apart: --exact narrows them",
    )


def test_uss_that_no_walk_has_seen_is_unknown() -> None:
    (reason, _) = obstacles(BASE, BASE, Metric.USS)
    assert reason == "BASE has no USS at the peak, which --exact measures"


def test_commands_are_paired_by_their_names() -> None:
    base = [measured(100, name="a"), measured(100, name="b")]
    new = [measured(200, name="b"), measured(100, name="c")]
    compared = compare(base, new, Metric.PSS, Rule())
    assert [pair.new.name for pair in compared.pairs] == ["b"]
    assert (compared.only_base, compared.only_new) == (("a",), ("c",))
    assert compared.outcome is Outcome.REGRESSION
    # With one command on each side there is no doubt what is meant.
    assert len(compare(base[:1], new[:1], Metric.PSS, Rule()).pairs) == 1


def test_nothing_in_common_is_not_comparable() -> None:
    base = [measured(100, name="a"), measured(100, name="b")]
    assert compare(base, [BASE], Metric.PSS, Rule()).outcome is Outcome.NOT_COMPARABLE


@pytest.mark.parametrize(
    ("news", "outcome"),
    [
        ((100, 300), Outcome.REGRESSION),
        ((100, 50), Outcome.UNCHANGED),
        ((50, 50), Outcome.IMPROVEMENT),
    ],
)
def test_the_worst_of_several_counts(news: tuple[int, int], outcome: Outcome) -> None:
    base = [measured(100, name="a"), measured(100, name="b")]
    new = [measured(size, name=name) for size, name in zip(news, "ab", strict=True)]
    assert compare(base, new, Metric.PSS, Rule()).outcome is outcome
    denied = [replace(new[0], runs=(run_of_mib(100, flaw=Flaw.DENIED),)), new[1]]
    worst = compare(base, denied, Metric.PSS, Rule()).outcome
    regressed = news[1] * MIB > 100 * MIB
    assert worst is (Outcome.REGRESSION if regressed else Outcome.NOT_COMPARABLE)
