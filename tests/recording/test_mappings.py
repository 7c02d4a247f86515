"""What the memory consists of at each new peak: when it is read, recorded, and read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import memstat
from memstat.mappings import MappingGroup, MappingKind, Mappings
from memstat.model import Memory
from memstat.recording.backlog import Backlog, Item
from memstat.recording.header import Header, Host
from memstat.recording.keeper import MappingsRecorder, _Keeper, mappings_kept
from memstat.recording.peak_plan import PeakPlan
from memstat.recording.reading import Reader
from memstat.recording.script import Script
from memstat.sampling.observation import Observation
from memstat.testing import snapshot_of
from tests.targets import Target, python

MIB = 1 << 20
BUDGET = 0.02
HEAP = MappingGroup(MappingKind.HEAP, "", 3 * MIB, 2 * MIB, 4 * MIB, 0, 0)
MAPPINGS = Mappings(
    (HEAP,), 1_700_000_000.0, elapsed_s=0.25, read_s=0.5, cpu_s=0.25, held_s=0.125, processes=1
)


def plan_after(pss_bytes: int, cost_s: float, budget: float = BUDGET) -> PeakPlan:
    plan = PeakPlan(budget)
    plan.take(pss_bytes, longest_s=cost_s, sum_s=cost_s, now_s=0.0)
    return plan


def test_the_first_snapshot_with_a_total_is_a_new_peak() -> None:
    plan = PeakPlan(BUDGET)
    assert not plan.is_due(None, 0.0)
    assert not plan.is_due(0, 0.0)
    assert plan.is_due(1, 0.0)


def test_a_peak_is_new_when_it_is_clearly_larger() -> None:
    plan = plan_after(100 * MIB, 0.001)
    assert not plan.is_due(105 * MIB, 60.0)
    assert plan.is_due(106 * MIB, 60.0)


def test_processes_are_held_up_for_half_of_the_budget() -> None:
    plan = plan_after(MIB, 0.050)
    # Of 50 ms, 14 are granted in advance; the rest is one per cent of 3.6 s.
    assert not plan.is_due(9 * MIB, 3.5)
    assert plan.is_due(9 * MIB, 3.7)


def test_many_processes_cost_memstat_itself() -> None:
    plan = PeakPlan(BUDGET)
    plan.take(MIB, longest_s=0.001, sum_s=1.0, now_s=0.0)
    # Half of the 5 % of a core that memstat may use: walks need the rest.
    assert not plan.is_due(9 * MIB, 38.0)
    assert plan.is_due(9 * MIB, 40.0)


def test_what_is_not_certain_is_no_new_peak() -> None:
    class Budgeted:
        budget = BUDGET

    keeper = _Keeper(cast("Observation", Budgeted()), cast("MappingsRecorder", None))
    keeper._plan.take(10 * MIB, longest_s=0.001, sum_s=0.001, now_s=0.0)
    sizes = [(9 * MIB, 30 * MIB), (11 * MIB, 30 * MIB)]
    due = []
    for low_bytes, high_bytes in sizes:
        total = Memory(20 * MIB, pss_low_bytes=low_bytes, pss_high_bytes=high_bytes)
        keeper.take_snapshot(replace(snapshot_of({7: MIB}, elapsed_s=60.0), total=total))
        due.append(keeper._due is not None)
    assert due == [False, True]


def test_without_a_budget_the_first_one_is_all() -> None:
    assert PeakPlan(0.0).is_due(MIB, 0.0)
    assert not plan_after(MIB, 0.001, budget=0.0).is_due(9 * MIB, 1e9)


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 0.2)), max_size=50))
def test_over_a_life_it_takes_no_more_than_its_part(course: list[tuple[int, float]]) -> None:
    plan, held_s, last_s = PeakPlan(BUDGET), 0.0, 0.0
    for tick, (size, cost_s) in enumerate(course):
        if plan.is_due(size * (tick + 1) * MIB, float(tick)):
            plan.take(size * MIB, longest_s=cost_s, sum_s=cost_s, now_s=float(tick))
            held_s, last_s = held_s + cost_s, cost_s
        assert held_s <= BUDGET / 2 * tick + 0.014 + last_s + 1e-9


def test_they_are_read_as_they_were_recorded() -> None:
    header = Header("0.1.0", 0.0, 0.1, Host("node7"))
    script = Script(header, packs=False)
    course: list[Item] = [snapshot_of({7: MIB}), MAPPINGS, snapshot_of({7: 2 * MIB}, elapsed_s=0.1)]
    _, *lines = (script.begin() + script.go_on(course)).splitlines()
    assert [*Reader().entries(lines)] == course


def test_they_are_kept_however_slow_the_disk_is() -> None:
    backlog = Backlog(most_samples=1)
    for item in (snapshot_of({7: MIB}), snapshot_of({7: MIB}), MAPPINGS):
        backlog.add(item)
    assert backlog.take()[-1] == MAPPINGS
    assert backlog.dropped == 1


GROWING = """
import sys
held = []
for line in sys.stdin:
    held.append(bytearray(b'x') * (int(line) << 20))
    print(line, flush=True)
"""


class Kept:
    """Keeps what a recorder would write."""

    def __init__(self) -> None:
        self.error: str | None = None
        self.mappings: list[Mappings] = []

    @property
    def largest_bytes(self) -> int:
        return max([mappings.total.pss_bytes or 0 for mappings in self.mappings], default=0)

    def take_mappings(self, mappings: Mappings) -> None:
        self.mappings.append(mappings)


@pytest.mark.anyio
async def test_each_new_peak_is_kept(start: Callable[..., Target]) -> None:
    target = start(*python(GROWING))
    kept = Kept()
    async with (
        memstat.watch(target.pid, interval_s=0.02, budget=1.0) as watched,
        mappings_kept(watched, kept),
    ):
        sizes_mib, expected_mib = [20, 60], 0
        async for _ in watched:
            # What is read while it grows may be so much less that the rest is no new peak.
            if not kept.mappings or kept.largest_bytes < 0.9 * expected_mib * MIB:
                continue
            if not sizes_mib:
                break
            expected_mib += sizes_mib[0]
            target.send(str(sizes_mib.pop(0)))
    totals = [mappings.total.pss_bytes or 0 for mappings in kept.mappings]
    assert len(totals) >= 3
    assert all(later > earlier * 1.05 for earlier, later in pairwise(totals))
    largest = kept.mappings[-1]
    assert sum(group.uss_bytes for group in largest.groups) > 70 * MIB
    assert largest.elapsed_s > kept.mappings[0].elapsed_s
    assert largest.held_s > 0


async def record_a_moment(pid: int, path: Path, *, maps: bool) -> None:
    async with (
        memstat.watch(pid, interval_s=0.02) as watched,
        memstat.record(watched, path, maps=maps),
    ):
        seen = 0
        async for _ in watched:
            # The first may be of before the recording, the second is read when it is handed on, and
            # what is under way is waited for.
            seen += 1
            if seen > 2:
                break


@pytest.mark.parametrize("maps", [True, False])
def test_a_recording_has_them_on_request(
    start: Callable[..., Target], tmp_path: Path, *, maps: bool
) -> None:
    target = start("cat")
    anyio.run(partial(record_a_moment, target.pid, tmp_path / "run.jsonl", maps=maps))
    assert (memstat.load(tmp_path / "run.jsonl").mappings is not None) == maps
