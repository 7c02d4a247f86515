"""What is read of a recording is what was recorded."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memstat.jsonlines import line
from memstat.model import Memory, ProcessSample, ReadStatus, Snapshot
from memstat.recording.decoder import Decoder
from memstat.recording.encoder import WHOLE_EVERY_S, Encoder
from memstat.sampling.ledger import Ledger
from memstat.sampling.sums import add_up
from memstat.testing import private_memory, snapshot_of
from tests.recording.courses import courses, in_json, recorded
from tests.sampling.test_traces import TRACES, read_trace

TICKS: Final = 40
"""Of a trace: more take seconds, and show nothing new."""


@settings(max_examples=60)
@given(courses(), st.booleans())
def test_a_course_is_read_as_it_was_recorded(course: list[Snapshot], command_lines: bool) -> None:  # noqa: FBT001
    expected = [in_json(snapshot, command_lines=command_lines) for snapshot in course]
    assert recorded(course, command_lines=command_lines) == expected


def test_command_lines_are_recorded_on_request_only() -> None:
    (secret,) = snapshot_of({7: 4096}).processes
    processes = (replace(secret, command_line="curl -u me:secret"),)
    first = replace(snapshot_of({7: 4096}), processes=processes)
    second = replace(first, processes=(replace(secret, command_line="curl -u me:other"),))
    encoder = Encoder()
    lines = [line(encoder.encode(snapshot)) for snapshot in (first, second)]
    assert not any("secret" in text or "other" in text or "command" in text for text in lines)


def changes(*course: Snapshot) -> dict[str, Any]:
    """Return the last line of a course."""
    encoder = Encoder()
    return [dict(encoder.encode(snapshot)) for snapshot in course][-1]


def walked(snapshot: Snapshot, age_s: float, *, walk_s: float | None) -> Snapshot:
    processes = tuple(replace(p, walk_age_s=age_s) for p in snapshot.processes)
    return replace(snapshot, processes=processes, walk_s=walk_s)


def test_time_alone_changes_no_process() -> None:
    first = walked(snapshot_of({7: 4096, 8: 4096}, elapsed_s=0.1), 0.0, walk_s=0.01)
    second = walked(snapshot_of({7: 4096, 8: 4096}, elapsed_s=0.2), 0.1, walk_s=None)
    third = walked(snapshot_of({7: 4096, 8: 4096}, elapsed_s=0.3), 0.0, walk_s=0.01)
    for course in ([first, second], [first, second, third]):
        value = changes(*course)
        assert (value["kind"], value["processes"], value["ended"]) == ("changes", [], [])
    assert recorded([first, second, third]) == [first, second, third]


def test_only_what_has_changed_is_recorded() -> None:
    value = changes(snapshot_of({7: 4096, 8: 4096}), snapshot_of({7: 4096, 8: 8192}, elapsed_s=0.1))
    (process,) = value["processes"]
    assert process == {
        "pid": 8,
        "pss_bytes": 8192,
        "uss_bytes": 8192,
        "rss_bytes": 8192,
        "pss_anon_bytes": 8192,
        "pss_low_bytes": 8192,
        "pss_high_bytes": 8192,
    }
    assert value["total"]["pss_bytes"] == 12288


def test_a_whole_snapshot_comes_every_minute_and_on_request() -> None:
    encoder = Encoder()
    times_s = [0.0, 1.0, WHOLE_EVERY_S - 0.1, WHOLE_EVERY_S, WHOLE_EVERY_S + 1]
    kinds = [encoder.encode(snapshot_of({7: 1}, elapsed_s=at))["kind"] for at in times_s]
    assert kinds == ["snapshot", "changes", "changes", "snapshot", "changes"]
    encoder.restart()
    assert encoder.encode(snapshot_of({7: 1}, elapsed_s=WHOLE_EVERY_S + 2))["kind"] == "snapshot"


@pytest.mark.parametrize(
    "damage",
    [
        {"ended": [99]},
        {"ended": None},
        {"processes": [{"pid": 99, "pss_bytes": 1}]},
        {"processes": [{"pid": 7, "status": "odd"}]},
        {"processes": [{"pid": 9, "start_ticks": 9}]},
        {"processes": 3},
        {"order": [7, 99]},
        {"time": "yesterday"},
        {"total": None},
    ],
)
def test_a_line_that_does_not_fit_is_an_error_and_so_are_changes_after_it(
    damage: dict[str, object],
) -> None:
    encoder, decoder = Encoder(), Decoder()
    course = [snapshot_of({7: 1, 8: 1}, elapsed_s=at) for at in range(3)]
    decoder.decode(encoder.encode(course[0]))
    with pytest.raises(ValueError, match="not a line of a recording"):
        decoder.decode({**encoder.encode(course[1]), **damage})
    assert decoder.is_waiting
    with pytest.raises(ValueError, match="no whole snapshot"):
        decoder.decode(encoder.encode(course[2]))


def test_a_snapshot_that_was_rebuilt_is_one_like_any_other() -> None:
    expected = snapshot_of({7: 4096, 8: 512}, elapsed_s=1.5)
    (rebuilt,) = recorded([expected])
    assert isinstance(rebuilt, Snapshot)
    assert rebuilt == expected
    assert expected == rebuilt
    assert (hash(rebuilt), repr(rebuilt)) == (hash(expected), repr(expected))
    assert replace(rebuilt, tick=4) == replace(expected, tick=4)
    assert pickle.loads(pickle.dumps(rebuilt)) == expected
    assert rebuilt != replace(expected, processes=())
    with pytest.raises(AttributeError):
        rebuilt.tick = 3  # type: ignore[misc]


def trace_course(path: Path) -> Iterator[Snapshot]:
    """Yield what a measurement of a recorded tree adds up to, with every third tick walked."""
    ledger, walked_s = Ledger(), 0.0
    for number, tick in enumerate(read_trace(path)):
        elapsed_s = round(tick.elapsed_s, 6)
        ledger.observe(tick.glances)
        is_walk = number % 3 == 0
        if is_walk:
            ledger.take_walks(tick.walks)
            walked_s = elapsed_s
        processes = []
        for key, glance in tick.glances.items():
            share = ledger.share(key).bounds
            sizes = private_memory(glance.anon_bytes)
            memory = replace(
                sizes, pss_bytes=share.best, pss_low_bytes=share.low, pss_high_bytes=share.high
            )
            age_s = elapsed_s - walked_s
            processes.append(
                ProcessSample(
                    key, "p", glance.ppid, 0, ReadStatus.MEASURED, memory, walk_age_s=age_s
                )
            )
        yield replace(
            snapshot_of({}, tick=number, elapsed_s=elapsed_s),
            total=add_up(processes),
            processes=tuple(processes),
            walk_s=0.01 if is_walk else None,
        )


@pytest.mark.parametrize("path", sorted(TRACES.glob("*.gz")), ids=lambda path: path.stem)
def test_the_processes_of_every_line_of_a_trace_add_up_to_its_total(path: Path) -> None:
    encoder, decoder = Encoder(), Decoder()
    for snapshot in islice(trace_course(path), TICKS):
        value = json.loads(line(encoder.encode(snapshot)))
        rebuilt = decoder.decode(value)
        assert add_up(rebuilt.processes) == Memory(**value["total"])
        assert rebuilt == in_json(snapshot)
