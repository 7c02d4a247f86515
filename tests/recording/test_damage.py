"""A value of a recording that memstat would not write is damage, whatever looks at it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memstat
from memstat.charts.gathering import gather
from memstat.charts.payload import payload
from memstat.comparing.loading import load as load_to_compare
from memstat.exports.database import write_database
from memstat.exports.formats import TEXTS
from memstat.jsonlines import run_summary
from memstat.mappings import MappingGroup, MappingKind, Mappings
from memstat.recording.header import Gap
from memstat.recording.reading import Entry
from memstat.report.recorded import recorded_text
from memstat.results import Limit, Mark, Peak, RunResult, SamplingStats
from tests.recorded import HEADER, MIB, process, recording_text, snapshots

Place = tuple[str | int, ...]

FOREIGN: Final = ["x", [1], {"a": 1}, -1, True, 1.5, None, 1 << 70, float("nan"), float("inf")]


def lines() -> list[Any]:
    """Return a recording with a line of each kind, as values."""
    course = snapshots(
        [process(1, "make", MIB), process(2, "cc1", 5 * MIB)],
        [process(1, "make", MIB), process(2, "cc1", 7 * MIB)],
        [process(1, "make", MIB), process(3, "ld", 2 * MIB)],
    )
    peak = Peak(8 * MIB, course[1])
    stats = SamplingStats(0.1, 3, 0, 0, 0.1, 0.001, 0.002, interval_changes=((0.1, 0.05),))
    limit = Limit(6 * MIB, course[1])
    result = RunResult(("make", "-j2"), 0, None, 0.3, stats, peak, limit=limit)
    groups = (MappingGroup(MappingKind.HEAP, "heap", MIB, MIB, MIB),)
    entries: list[Entry] = [
        *course[:2],
        Mark("half", 0.15, peak),
        Mappings(groups, 0.0, unread=(course[0].processes[0],)),
        Gap(0.17, 2),
        *course[2:],
    ]
    summary = run_summary(result, with_peak=True, on_exceed="report")
    text = recording_text(entries, replace(HEADER, targets=(1,)), summary)
    return [json.loads(line) for line in text.splitlines()]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield where a value has parts."""
    parts: Sequence[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        parts = [*value.items()]
    elif isinstance(value, list):
        parts = [*enumerate(value)]
    for name, part in parts:
        yield (*place, name)
        yield from places(part, (*place, name))


def with_part(line: Any, place: Place, part: object) -> Any:
    """Return a copy of a line with another value at a place of it."""
    changed = owner = json.loads(json.dumps(line))
    for name in place[:-1]:
        owner = owner[name]
    owner[place[-1]] = part
    return changed


def look_at_all_of_it(path: str) -> None:
    recording = memstat.load(path)
    assert recorded_text(recording, 80, ascii_only=False)
    assert all(size >= -1 for size in recording.process_peaks.values())
    for text_of in TEXTS.values():
        assert all(isinstance(text, str) for text in text_of(memstat.load(path)))


def draw(path: str) -> None:
    json.dumps(payload(gather([path])), allow_nan=False)


def compare(path: str) -> None:
    load_to_compare(path)


def export(path: str) -> None:
    with suppress(FileNotFoundError):
        Path(path).with_suffix(".db").unlink()
    write_database(memstat.load(path), str(Path(path).with_suffix(".db")))
    with closing(sqlite3.connect(Path(path).with_suffix(".db"))) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


WHOLE: Final = lines()
PLACES: Final = [(number, place) for number, line in enumerate(WHOLE) for place in places(line)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage") / "run.jsonl"


@pytest.mark.parametrize("look", [look_at_all_of_it, draw, compare, export])
@given(st.sampled_from(PLACES), st.sampled_from(FOREIGN))
def test_a_foreign_value_is_an_error_of_memstat_at_most(
    path: Path, look: Callable[[str], None], at: tuple[int, Place], part: object
) -> None:
    number, place = at
    changed = [*WHOLE]
    changed[number] = with_part(WHOLE[number], place, part)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in changed))
    # Some of these values fit.
    with suppress(memstat.MemstatError):
        look(str(path))
