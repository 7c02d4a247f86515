"""A recording as a trace for Perfetto."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memstat.exports.trace import trace_text
from memstat.model import DenialReason, Memory, ReadStatus
from memstat.recording.header import Gap
from memstat.recording.loading import Recording
from memstat.recording.reading import Entry
from memstat.results import Mark
from tests.recorded import MIB, process, recording_of, snapshots

MAKE = process(7, "make", 4 * MIB, depth=0)


def events_of(recording: Recording) -> list[dict[str, Any]]:
    events = json.loads("".join(trace_text(recording)))["traceEvents"]
    assert isinstance(events, list)
    return events


def counters(*entries: Entry) -> list[tuple[int, int, str, Mapping[str, int]]]:
    """Return time, PID, name and values of what counters show."""
    return [
        (event["ts"], event["pid"], event["name"], event["args"])
        for event in events_of(recording_of(*entries))
        if event["ph"] == "C"
    ]


def test_counters_are_written_where_they_change() -> None:
    grown = process(7, "make", 6 * MIB, depth=0)
    assert counters(*snapshots([MAKE], [MAKE], [grown])) == [
        (0, 7, "Process", {"PSS": 4 * MIB}),
        (0, 7, "PSS", {"anon": 2 * MIB, "file": MIB, "shmem": MIB}),
        (0, 7, "Total", {"PSS": 4 * MIB}),
        (200_000, 7, "Process", {"PSS": 6 * MIB}),
        (200_000, 7, "PSS", {"anon": 3 * MIB, "file": 3 * MIB // 2, "shmem": 3 * MIB // 2}),
        (200_000, 7, "Total", {"PSS": 6 * MIB}),
    ]


def test_the_counters_of_a_process_that_has_ended_show_nothing() -> None:
    child = process(8, "cc", MIB)
    for ended in ([MAKE], [MAKE, process(8, "cc", None)]):
        shown = [c for c in counters(*snapshots([MAKE, child], ended, [MAKE])) if c[1] == 8]
        assert shown[2:] == [
            (100_000, 8, "Process", {"PSS": 0}),
            (100_000, 8, "PSS", {"anon": 0, "file": 0, "shmem": 0}),
        ]


def test_what_is_not_known_is_no_counter() -> None:
    denied = replace(
        process(8, "cc", Memory()), status=ReadStatus.DENIED, reason=DenialReason.OTHER_USER
    )
    old_kernel = replace(MAKE, memory=Memory(pss_bytes=MIB))
    shown = counters(*snapshots([old_kernel, denied]))
    assert shown == [(0, 7, "Process", {"PSS": MIB}), (0, 7, "Total", {"PSS": MIB})]


def test_a_recycled_pid_is_another_process() -> None:
    second = process(8, "ld", 2 * MIB, start_ticks=99)
    recording = recording_of(*snapshots([MAKE, process(8, "cc", MIB)], [MAKE, second]))
    names = {
        event["pid"]: event["args"]["name"]
        for event in events_of(recording)
        if event["name"] == "process_name"
    }
    assert names == {7: "make", 8: "cc", 8 + (1 << 22): "ld"}


def test_a_process_has_the_name_of_the_program_that_it_executes() -> None:
    recording = recording_of(*snapshots([MAKE], [replace(MAKE, name="a\x1b[2J")]))
    names = [event["args"]["name"] for event in events_of(recording) if event["ph"] == "M"]
    assert names == ["make", r"a\x1b[2J"]


def test_the_peak_marks_and_gaps_are_instants() -> None:
    first, second, third = snapshots([MAKE], [process(7, "make", 9 * MIB, depth=0)], [MAKE])
    recording = recording_of(first, Mark("linked", 0.05, None), second, Gap(0.15, 4), third)
    instants = [(e["name"], e["ts"]) for e in events_of(recording) if e["ph"] == "i"]
    assert instants == [
        ("linked", 50_000),
        ("4 snapshots not recorded", 150_000),
        ("peak 9.00 MiB", 100_000),
    ]


def test_events_are_as_the_trace_event_format_has_them() -> None:
    recording = recording_of(*snapshots([MAKE, process(8, "cc", MIB)], [MAKE]))
    for event in events_of(recording):
        assert {"ph", "name", "pid", "tid", "ts"} <= event.keys()
        assert isinstance(event["ts"], int)
        assert event["ph"] in {"M", "C", "i"}
        assert ("args" in event) == (event["ph"] != "i")
        assert event.get("s", "g") == "g"


def test_a_recording_without_a_snapshot_is_a_trace_all_the_same() -> None:
    assert events_of(recording_of()) == []
