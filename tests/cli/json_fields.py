"""The JSON of the README: which fields there are, and of which types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

MEMORY: Final = {
    "pss_bytes",
    "uss_bytes",
    "rss_bytes",
    "pss_anon_bytes",
    "pss_file_bytes",
    "pss_shmem_bytes",
    "swap_pss_bytes",
}
SNAPSHOT: Final = {
    "kind",
    "tick",
    "time",
    "elapsed_s",
    "late_s",
    "missed_ticks",
    "sweep_s",
    "complete",
    "total",
    "processes",
}
PROCESS: Final = MEMORY | {
    "pid",
    "ppid",
    "start_ticks",
    "depth",
    "name",
    "status",
    "rss_peak_bytes",
}
SAMPLING: Final = {
    "kind",
    "duration_s",
    "interval_s",
    "samples",
    "missed_ticks",
    "incomplete_samples",
    "longest_gap_s",
    "sweep_s",
}
RUN: Final = SAMPLING | {"command", "exit_code", "signal", "uncounted_descendants"}

Json = Mapping[str, Any]


def assert_snapshot(snapshot: Json) -> None:
    """All fields, no other, of their types."""
    assert set(snapshot) == SNAPSHOT
    assert snapshot["kind"] == "snapshot"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", snapshot["time"])
    assert isinstance(snapshot["complete"], bool)
    assert_numbers(snapshot, int, "tick", "missed_ticks")
    assert_numbers(snapshot, float, "elapsed_s", "late_s", "sweep_s")
    assert_sizes(snapshot["total"], MEMORY)
    for process in snapshot["processes"]:
        assert set(process) == PROCESS
        assert_numbers(process, int, "pid", "start_ticks", "depth")
        assert process["status"] in ("measured", "denied", "gone", "no-memory")
        assert_sizes({k: process[k] for k in MEMORY | {"rss_peak_bytes"}}, None)


def assert_numbers(value: Json, kind: type, *names: str) -> None:
    for name in names:
        assert type(value[name]) is kind, name
        assert value[name] >= 0, name


def assert_sizes(sizes: Json, names: set[str] | None) -> None:
    assert names is None or set(sizes) == names
    for size in sizes.values():
        assert size is None or (type(size) is int and size >= 0)


def assert_watch_summary(summary: Json) -> None:
    assert set(summary) == SAMPLING | {"peak"}
    assert_sampling(summary)


def assert_run_summary(summary: Json, *, with_peak: bool = True) -> None:
    assert set(summary) == (RUN | {"peak"} if with_peak else RUN)
    assert isinstance(summary["command"], list)
    assert_sampling(summary)


def assert_sampling(summary: Json) -> None:
    assert summary["kind"] == "summary"
    assert set(summary["sweep_s"]) == {"median", "max"}
    assert_numbers(summary, int, "samples", "missed_ticks", "incomplete_samples")
    assert_numbers(summary, float, "duration_s", "interval_s")
    peak = summary.get("peak")
    if peak is not None:
        assert set(peak) == {"pss_bytes", "elapsed_s", "snapshot"}
        assert_snapshot(peak["snapshot"])
        assert peak["pss_bytes"] == peak["snapshot"]["total"]["pss_bytes"] > 0
