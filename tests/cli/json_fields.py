"""The JSON that the guide documents: its fields, in their order, and of which types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

MEMORY: Final = (
    "pss_bytes",
    "uss_bytes",
    "rss_bytes",
    "pss_anon_bytes",
    "pss_file_bytes",
    "pss_shmem_bytes",
    "swap_pss_bytes",
    "hugetlb_bytes",
    "hugetlb_shared_bytes",
    "pss_low_bytes",
    "pss_high_bytes",
)
SNAPSHOT: Final = (
    "kind",
    "tick",
    "time",
    "elapsed_s",
    "late_s",
    "missed_ticks",
    "sweep_s",
    "complete",
    "torn",
    "missing_reason",
    "spikes_bytes",
    "walk_s",
    "held_share",
    "total",
    "processes",
)
PROCESS: Final = (
    "pid",
    "ppid",
    "start_ticks",
    "depth",
    "name",
    "status",
    "reason",
    *MEMORY,
    "rss_peak_bytes",
    "walk_age_s",
    "walked_pss_bytes",
)
SAMPLING: Final = (
    "interval_s",
    "samples",
    "missed_ticks",
    "incomplete_samples",
    "torn_samples",
    "stopped_ticks",
    "longest_gap_s",
    "sweep_s",
    "walks",
    "interval_changes",
)
WATCH: Final = ("kind", "duration_s", *SAMPLING)
RUN: Final = (
    "kind",
    "command",
    "exit_code",
    "signal",
    "duration_s",
    *SAMPLING,
    "uncounted_descendants",
    "rss_floor_bytes",
    "oom_kills",
    "survivors",
)

MAPPED: Final = ("pss_bytes", "uss_bytes", "rss_bytes", "swap_pss_bytes", "hugetlb_bytes")
MAPPINGS: Final = (
    "kind",
    "time",
    "elapsed_s",
    "read_s",
    "cpu_s",
    "held_s",
    "processes",
    "complete",
    "torn",
    "missing_reason",
    "unread",
    "total",
    "groups",
)
GROUP: Final = ("kind", "name", *MAPPED, "processes", "mappings")
KINDS: Final = ("heap", "stack", "anonymous", "file", "shared-memory", "huge-pages", "kernel")

STATUSES: Final = ("measured", "denied", "unreadable", "gone", "no-memory")

Json = Mapping[str, Any]


def assert_snapshot(snapshot: Json) -> None:
    """All fields in their order, no other, of their types."""
    assert tuple(snapshot) == SNAPSHOT
    assert snapshot["kind"] == "snapshot"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", snapshot["time"])
    assert isinstance(snapshot["complete"], bool)
    assert_numbers(snapshot, int, "tick", "missed_ticks")
    assert_numbers(snapshot, int, "spikes_bytes")
    assert_numbers(snapshot, float, "elapsed_s", "late_s", "sweep_s", "held_share")
    assert_seconds(snapshot["walk_s"])
    assert tuple(snapshot["total"]) == MEMORY
    assert_sizes(snapshot["total"])
    assert_bounds(snapshot["total"])
    for process in snapshot["processes"]:
        assert tuple(process) == PROCESS
        assert_numbers(process, int, "pid", "start_ticks", "depth")
        assert process["status"] in STATUSES
        assert_sizes({k: process[k] for k in (*MEMORY, "rss_peak_bytes", "walked_pss_bytes")})
        assert_bounds(process)
        assert_seconds(process["walk_age_s"])


def assert_mappings(mappings: Json) -> None:
    """All fields in their order, no other, of their types."""
    assert tuple(mappings) == MAPPINGS
    assert mappings["kind"] == "mappings"
    assert_numbers(mappings, float, "elapsed_s", "read_s", "cpu_s", "held_s")
    assert_numbers(mappings, int, "processes")
    assert tuple(mappings["total"]) == MAPPED
    assert_sizes(mappings["total"])
    for process in mappings["unread"]:
        assert tuple(process) == PROCESS
    for group in mappings["groups"]:
        assert tuple(group) == GROUP
        assert group["kind"] in KINDS
        assert isinstance(group["name"], str)
        assert_sizes({field: group[field] for field in MAPPED})
        assert_numbers(group, int, "processes", "mappings")


def assert_numbers(value: Json, kind: type, *names: str) -> None:
    for name in names:
        assert type(value[name]) is kind, name
        assert value[name] >= 0, name


def assert_sizes(sizes: Json) -> None:
    for size in sizes.values():
        assert size is None or (type(size) is int and size >= 0)


def assert_bounds(sizes: Json) -> None:
    """Bounds of PSS are around it where it is known."""
    if sizes["pss_bytes"] is not None:
        assert sizes["pss_low_bytes"] <= sizes["pss_bytes"] <= sizes["pss_high_bytes"]


def assert_seconds(seconds: object) -> None:
    assert seconds is None or (type(seconds) is float and seconds >= 0)


def assert_watch_summary(summary: Json) -> None:
    assert tuple(summary) == (*WATCH, "peak")
    assert_sampling(summary)


def assert_run_summary(summary: Json, *, with_peak: bool = True) -> None:
    assert tuple(summary) == ((*RUN, "peak") if with_peak else RUN)
    assert isinstance(summary["command"], list)
    assert_sampling(summary)


def assert_sampling(summary: Json) -> None:
    assert summary["kind"] == "summary"
    assert set(summary["sweep_s"]) == {"median", "max"}
    assert_numbers(summary, int, "samples", "missed_ticks", "incomplete_samples")
    assert_numbers(summary, float, "duration_s", "interval_s")
    walks = summary["walks"]
    assert tuple(walks) == ("count", "held_s", "largest_held_share")
    assert_numbers(walks, int, "count")
    assert_numbers(walks, float, "held_s", "largest_held_share")
    for change in summary["interval_changes"]:
        assert tuple(change) == ("elapsed_s", "interval_s")
        assert_numbers(change, float, "elapsed_s", "interval_s")
    peak = summary.get("peak")
    if peak is not None:
        fields = ("pss_bytes", "pss_low_bytes", "pss_high_bytes", "elapsed_s", "snapshot")
        assert tuple(peak) == fields
        assert_bounds(peak)
        assert_snapshot(peak["snapshot"])
        assert peak["pss_bytes"] == peak["snapshot"]["total"]["pss_bytes"] > 0
