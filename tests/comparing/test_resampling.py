"""How often the rule errs, with the peaks of real programs.

They were sampled at the rate of ``bench``, on two busy cores: ``sort``, ``gcc``, ``make -j2``,
Node.js and Java with objects to collect, Python with threads. Two scatter by a fifth and more.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest

from memstat.comparing.decision import Outcome, Rule, decide

PEAKS: dict[str, list[int]] = json.loads(
    (Path(__file__).parents[1] / "data" / "peaks.json").read_text()
)
RESAMPLED = 500


def flagged(peaks: list[int], runs: int, change: Callable[[int], int]) -> float:
    """Return the part of pairs, of so many runs each, that are regressions after a change."""
    dice = random.Random(1)
    found = 0
    for _ in range(RESAMPLED):
        drawn = dice.sample(peaks, 2 * runs)
        new = [change(peak) for peak in drawn[runs:]]
        found += decide(drawn[:runs], new, Rule()).outcome is Outcome.REGRESSION
    return found / RESAMPLED


def test_there_are_twenty_runs_of_six_programs() -> None:
    assert [len(peaks) for peaks in PEAKS.values()] == [20] * 6


@pytest.mark.parametrize(("runs", "most"), [(5, 0.03), (3, 0.03)])
def test_few_unchanged_programs_are_false_alarms(runs: int, most: float) -> None:
    alarms = [flagged(peaks, runs, lambda peak: peak) for peaks in PEAKS.values()]
    assert mean(alarms) <= most, dict(zip(PEAKS, alarms, strict=True))
    assert max(alarms) < 0.1


@pytest.mark.parametrize(("percent", "least"), [(10, 0.80), (20, 0.90)])
def test_most_growths_are_found_in_five_runs(percent: int, least: float) -> None:
    found = [
        flagged(peaks, 5, lambda peak: peak * (100 + percent) // 100) for peaks in PEAKS.values()
    ]
    assert mean(found) >= least, dict(zip(PEAKS, found, strict=True))


def test_one_run_against_one_raises_more_false_alarms() -> None:
    one, five = (
        mean(flagged(peaks, runs, lambda peak: peak) for peaks in PEAKS.values()) for runs in (1, 5)
    )
    assert one > 2 * five
