"""What memstat would have shown of recorded trees, of which the truth is known at every tick."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any, Final

import pytest

from memstat.model import ProcessKey
from memstat.proc.source import Glance, WalkedPages
from memstat.sampling.budget import Budget
from memstat.sampling.ledger import Bounds, Ledger

TRACES: Final = Path(__file__).parents[1] / "data" / "traces"
RATE_HZ: Final = 10
SHARE: Final = 0.02
"""The part of its life that a process may be held up."""
KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class TraceTick:
    """What a tree showed at one moment."""

    elapsed_s: float
    glances: dict[ProcessKey, Glance]
    walks: dict[ProcessKey, WalkedPages]
    costs_s: dict[ProcessKey, float]
    pss_bytes: int


@dataclass(slots=True)
class Result:
    """How far from the truth the replay of a trace was."""

    ticks: int = 0
    outside: int = 0
    """Ticks of which the truth was not within the bounds."""
    peak: int = 0
    peak_bounds: Bounds = field(default_factory=Bounds)
    lived_s: dict[ProcessKey, float] = field(default_factory=dict)
    held_s: dict[ProcessKey, float] = field(default_factory=dict)

    def compare(self, bounds: Bounds, tick: TraceTick) -> None:
        """Note how the bounds compare with the truth, which is rounded for each process."""
        slack = (2 * len(tick.glances) + 8) * KIB
        self.ticks += 1
        self.outside += not bounds.low - slack <= tick.pss_bytes <= bounds.high + slack
        self.peak = max(self.peak, tick.pss_bytes)
        self.peak_bounds = Bounds(
            max(self.peak_bounds.low, bounds.low),
            max(self.peak_bounds.best, bounds.best),
            max(self.peak_bounds.high, bounds.high),
        )

    def percent(self, peak: int) -> float:
        return 100 * (peak / self.peak - 1)

    @property
    def hold_percent(self) -> float:
        """For how much of its life the process was held up that was for most."""
        lives = {key: life_s for key, life_s in self.lived_s.items() if life_s >= 1}
        holds = [self.held_s.get(key, 0) / (life_s + 1 / RATE_HZ) for key, life_s in lives.items()]
        return 100 * max(holds, default=0)


def read_trace(path: Path) -> Iterator[TraceTick]:
    """Read a trace at a rate of 10 Hz, which is lower than it was recorded at."""
    with gzip.open(path, "rt") as lines:
        header = json.loads(next(lines))
        for number, line in enumerate(lines):
            if number % (header["hz"] // RATE_HZ) == 0:
                elapsed_s, rows = json.loads(line)
                rows = [dict(zip(header["fields"], row, strict=True)) for row in rows]
                yield trace_tick(elapsed_s, {key_of(row): row for row in rows if not row["dup"]})


def trace_tick(elapsed_s: float, rows: Mapping[ProcessKey, Mapping[str, Any]]) -> TraceTick:
    return TraceTick(
        elapsed_s,
        {key: glance_of(row) for key, row in rows.items()},
        {key: walk_of(row) for key, row in rows.items()},
        {key: row["cost"] / 1e6 for key, row in rows.items()},
        sum(row["Pss"] for row in rows.values()) * KIB,
    )


def key_of(row: Mapping[str, Any]) -> ProcessKey:
    return ProcessKey(row["pid"], row["start"])


def glance_of(row: Mapping[str, Any]) -> Glance:
    return Glance(
        family=row["ss"],
        ppid=row["ppid"],
        anon_bytes=row["A"] * KIB,
        file_bytes=row["F"] * KIB,
        faulted_bytes=row["flt"] * 4 * KIB,
    )


def walk_of(row: Mapping[str, Any]) -> WalkedPages:
    return WalkedPages(
        anon_bytes=row["Anon"] * KIB,
        pss_anon_bytes=row["PssA"] * KIB,
        file_bytes=(row["Rss"] - row["Anon"]) * KIB,
        pss_file_bytes=(row["PssF"] + row["PssS"]) * KIB,
        private_bytes=(row["PC"] + row["PD"]) * KIB,
        has_huge=row["AHP"] > 0,
    )


class Replay:
    """Looks at a trace as memstat would at the tree."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.budget = Budget(SHARE, 1 / RATE_HZ)
        self.result = Result()
        self._last: dict[ProcessKey, Glance] = {}
        self._born_s: dict[ProcessKey, float] = {}

    def run(self, path: Path) -> Result:
        for tick in read_trace(path):
            self._note_processes(tick)
            self.ledger.observe(tick.glances)
            if self._is_due(tick):
                self._walk(tick)
            self._check_shares()
            self.result.compare(self.ledger.total, tick)
        return self.result

    def _note_processes(self, tick: TraceTick) -> None:
        for key, glance in tick.glances.items():
            born_s = self._born_s.setdefault(key, tick.elapsed_s)
            self.result.lived_s[key] = tick.elapsed_s - born_s
            if key not in self._last or self._last[key].family != glance.family:
                self.budget.meet(key, glance.anon_bytes + glance.file_bytes, tick.elapsed_s)
        for key in self._last.keys() - tick.glances.keys():
            self.budget.forget(key)
        self._last = tick.glances

    def _is_due(self, tick: TraceTick) -> bool:
        bounds = self.ledger.total
        return self.budget.is_due(
            sizes_of(tick),
            tick.elapsed_s,
            loose=(bounds.high - bounds.low) / max(1, bounds.high),
            has_changed=self.ledger.has_changed,
        )

    def _walk(self, tick: TraceTick) -> None:
        self.ledger.take_walks(tick.walks)
        self.budget.charge(tick.costs_s, sum(sizes_of(tick).values()), tick.elapsed_s)
        for key, cost_s in tick.costs_s.items():
            self.result.held_s[key] = self.result.held_s.get(key, 0) + cost_s

    def _check_shares(self) -> None:
        best = sum(self.ledger.share(key).bounds.best for key in self._last)
        assert best == self.ledger.total.best


def sizes_of(tick: TraceTick) -> dict[ProcessKey, int]:
    return {key: glance.anon_bytes + glance.file_bytes for key, glance in tick.glances.items()}


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """All but the traces that were made to be hard: their bounds are wide."""
    paths = [path for path in TRACES.glob("*.gz") if not path.name.startswith("fuzz")]
    return {path.stem: Replay().run(path) for path in paths}


def average(results: Mapping[str, Result], figure: Callable[[Result], float]) -> float:
    return mean([figure(result) for result in results.values()])


def test_every_trace_is_replayed(results: dict[str, Result]) -> None:
    assert len(results) == 21
    assert sum(result.ticks for result in results.values()) == 1660


def test_the_best_value_of_the_peak_is_near_the_truth(results: dict[str, Result]) -> None:
    assert average(results, lambda result: abs(result.percent(result.peak_bounds.best))) <= 0.25


def test_the_bounds_of_the_peak_are_tight(results: dict[str, Result]) -> None:
    assert average(results, lambda result: result.percent(result.peak_bounds.low)) >= -1.2
    assert average(results, lambda result: result.percent(result.peak_bounds.high)) <= 0.8


def test_the_truth_is_within_the_bounds(results: dict[str, Result]) -> None:
    """But for 2 ticks: processes of a browser that end map pages that they no longer report."""
    outside = {name: result.outside for name, result in results.items() if result.outside}
    assert sum(outside.values()) <= 2, outside


@pytest.mark.parametrize("name", ["fuzz1", "fuzz2", "fuzz3", "fuzzthp"])
def test_the_truth_is_within_the_bounds_of_what_was_made_to_be_hard(name: str) -> None:
    assert Replay().run(TRACES / f"{name}.gz").outside == 0


def test_no_process_is_held_up_for_long(results: dict[str, Result]) -> None:
    assert average(results, lambda result: result.hold_percent) <= 1.3
    holds = {name: result.hold_percent for name, result in results.items()}
    assert max(holds.values()) <= 3.0, holds
