"""JSON as the guide documents it: these fields, in this order, and no others."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from memstat.jsonlines import (
    line,
    run_summary,
    snapshot_from,
    snapshot_object,
    watch_summary,
)
from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.results import Limit, Peak, RunResult, SamplingStats
from memstat.testing import private_memory
from tests.cli import json_fields

SIZES = {field: size for size, field in enumerate(json_fields.MEMORY, 1)}
UNKNOWN = dict.fromkeys(SIZES)

SNAPSHOT = Snapshot(
    tick=4,
    unix_time_s=1_700_000_000.25,
    elapsed_s=0.4000004,
    late_s=0.0,
    missed_ticks=1,
    sweep_s=0.0012345678,
    complete=False,
    total=Memory(**SIZES),
    processes=(
        ProcessSample(
            ProcessKey(7, 99),
            "a\x1b\n\\xff",
            1,
            0,
            ReadStatus.MEASURED,
            Memory(**SIZES),
            8,
            walk_age_s=1.2000004,
            walked_pss_bytes=4096,
        ),
        ProcessSample(ProcessKey(8, 100), "b", None, 1, ReadStatus.GONE),
    ),
    spikes_bytes=4096,
    walk_s=0.00012345,
    held_share=0.01234567,
)
STATS = SamplingStats(
    0.1,
    9,
    2,
    1,
    0.25,
    0.001,
    0.002,
    stopped_ticks=1,
    walks=3,
    walk_s=0.0300001,
    held_share=0.0123456789,
    interval_changes=((1.25000004, 0.05), (4.5, 0.1)),
)
NO_STATS = SamplingStats(0.1, 0, 0, 0, None, None, None)
RESULT = RunResult(("sh", "-c", "true"), 3, None, 1.5, STATS, Peak(5, SNAPSHOT, 4, 7))


def read_back(value: Any) -> Any:
    text = line(value)
    assert text.isascii()
    assert "\n" not in text
    return json.loads(text)


def test_a_snapshot() -> None:
    value = read_back(snapshot_object(SNAPSHOT))
    assert tuple(value) == json_fields.SNAPSHOT
    assert tuple(value["total"]) == json_fields.MEMORY
    assert [tuple(process) for process in value["processes"]] == [json_fields.PROCESS] * 2
    assert value == {
        "kind": "snapshot",
        "tick": 4,
        "time": "2023-11-14T22:13:20.250000Z",
        "elapsed_s": 0.4,
        "late_s": 0.0,
        "missed_ticks": 1,
        "sweep_s": 0.001235,
        "complete": False,
        "torn": False,
        "missing_reason": None,
        "spikes_bytes": 4096,
        "walk_s": 0.000123,
        "held_share": 0.012346,
        "total": SIZES,
        "processes": [
            {
                "pid": 7,
                "ppid": 1,
                "start_ticks": 99,
                "depth": 0,
                "name": "a\x1b\n\\xff",
                "status": "measured",
                "reason": None,
                **SIZES,
                "rss_peak_bytes": 8,
                "walk_age_s": 1.2,
                "walked_pss_bytes": 4096,
            },
            {
                "pid": 8,
                "ppid": None,
                "start_ticks": 100,
                "depth": 1,
                "name": "b",
                "status": "gone",
                "reason": None,
                **UNKNOWN,
                "rss_peak_bytes": None,
                "walk_age_s": None,
                "walked_pss_bytes": None,
            },
        ],
    }


def test_a_snapshot_can_be_read_back_with_its_bounds_and_walks() -> None:
    sizes = replace(private_memory(4096), pss_low_bytes=4000, pss_high_bytes=5000)
    glanced = replace(SNAPSHOT.processes[0], memory=sizes, walk_age_s=0.75)
    snapshot = replace(
        SNAPSHOT,
        elapsed_s=0.4,
        sweep_s=0.001,
        walk_s=None,
        held_share=0.0125,
        total=sizes,
        processes=(glanced, SNAPSHOT.processes[1]),
    )
    assert snapshot_from(read_back(snapshot_object(snapshot))) == snapshot
    walked = replace(snapshot, walk_s=0.0003)
    assert snapshot_from(read_back(snapshot_object(walked))) == walked


def test_the_summary_of_a_run() -> None:
    value = read_back(run_summary(RESULT, with_peak=True, on_exceed="kill"))
    assert tuple(value) == (*json_fields.RUN, "peak")
    assert value == {
        "kind": "summary",
        "command": ["sh", "-c", "true"],
        "exit_code": 3,
        "signal": None,
        "duration_s": 1.5,
        "interval_s": 0.1,
        "samples": 9,
        "missed_ticks": 2,
        "incomplete_samples": 1,
        "torn_samples": 0,
        "stopped_ticks": 1,
        "longest_gap_s": 0.25,
        "sweep_s": {"median": 0.001, "max": 0.002},
        "walks": {"count": 3, "held_s": 0.03, "largest_held_share": 0.012346},
        "interval_changes": [
            {"elapsed_s": 1.25, "interval_s": 0.05},
            {"elapsed_s": 4.5, "interval_s": 0.1},
        ],
        "uncounted_descendants": None,
        "rss_floor_bytes": None,
        "oom_kills": None,
        "survivors": [],
        "peak": {
            "pss_bytes": 5,
            "pss_low_bytes": 4,
            "pss_high_bytes": 7,
            "elapsed_s": 0.4,
            "snapshot": read_back(snapshot_object(SNAPSHOT)),
        },
    }


def test_the_summary_of_a_run_that_was_too_short_to_be_measured() -> None:
    short = replace(RESULT, exit_code=None, signal=9, stats=NO_STATS, peak=None)
    value = read_back(run_summary(short, with_peak=True, on_exceed="kill"))
    assert (value["exit_code"], value["signal"]) == (None, 9)
    assert value["peak"] is None
    assert value["longest_gap_s"] is None
    assert value["sweep_s"] == {"median": None, "max": None}


def test_a_summary_without_the_peak_has_no_field_for_it() -> None:
    assert "peak" not in read_back(run_summary(RESULT, with_peak=False, on_exceed="kill"))


def test_a_limit_that_was_exceeded_is_shown_with_its_snapshot() -> None:
    limited = replace(RESULT, limit=Limit(4096, SNAPSHOT))
    assert read_back(run_summary(limited, with_peak=True, on_exceed="fail"))["limit"] == {
        "max_pss_bytes": 4096,
        "on_exceed": "fail",
        "exceeded": True,
        "elapsed_s": 0.4,
        "snapshot": read_back(snapshot_object(SNAPSHOT)),
    }


def test_a_limit_that_was_kept_is_shown_as_well() -> None:
    limited = replace(RESULT, limit=Limit(4096, None))
    assert read_back(run_summary(limited, with_peak=True, on_exceed="warn"))["limit"] == {
        "max_pss_bytes": 4096,
        "on_exceed": "warn",
        "exceeded": False,
        "elapsed_s": None,
        "snapshot": None,
    }


def test_the_summary_of_a_watch() -> None:
    value = read_back(watch_summary(STATS, None, 2.0))
    assert tuple(value) == (*json_fields.WATCH, "peak")
    assert (value["kind"], value["duration_s"], value["peak"]) == ("summary", 2.0, None)


@given(st.integers(0, 10**16))
def test_times_are_iso_8601_in_utc_to_the_microsecond(micros: int) -> None:
    # Up to the year 2286, and to the precision of floats.
    unix_time_s = micros / 1e6
    text = snapshot_object(replace(SNAPSHOT, unix_time_s=unix_time_s))["time"]
    assert isinstance(text, str)
    assert text.endswith("Z")
    assert abs(datetime.fromisoformat(text).timestamp() - unix_time_s) < 2e-6
    assert datetime.fromisoformat(text).tzinfo == UTC


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_survives(name: str) -> None:
    process = replace(SNAPSHOT.processes[0], name=name)
    value = read_back(snapshot_object(replace(SNAPSHOT, processes=(process,))))
    assert value["processes"][0]["name"] == name
