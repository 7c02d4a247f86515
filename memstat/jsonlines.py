"""Snapshots and results as JSON: bytes and seconds, unknown is ``null``."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from memstat.json_types import check_process, perhaps, real, text, whole
from memstat.model import MEMORY_FIELDS, Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.text import decode_name

if TYPE_CHECKING:  # A snapshot alone is reported without these classes.
    from memstat.results import Limit, Peak, RunResult, SamplingStats

Json = Mapping[str, object]


def line(value: Json) -> str:
    """Return one line of JSON, safe for any encoding.

    >>> line({"a": None})
    '{"a":null}'
    """
    import json  # noqa: PLC0415 - other formats need not load it

    return json.dumps(value, separators=(",", ":"))


def snapshot_object(snapshot: Snapshot) -> Json:
    """Return a snapshot as the guide documents it."""
    return {
        **snapshot_head(snapshot, "snapshot"),
        "processes": [process_object(process) for process in snapshot.processes],
    }


def snapshot_head(snapshot: Snapshot, kind: str) -> dict[str, object]:
    """Return all of a snapshot but its processes."""
    return {
        "kind": kind,
        "tick": snapshot.tick,
        "time": iso_8601(snapshot.unix_time_s),
        "elapsed_s": seconds(snapshot.elapsed_s),
        "late_s": seconds(snapshot.late_s),
        "missed_ticks": snapshot.missed_ticks,
        "sweep_s": seconds(snapshot.sweep_s),
        "complete": snapshot.complete,
        "torn": snapshot.torn,
        "missing_reason": snapshot.missing_reason,
        "spikes_bytes": snapshot.spikes_bytes,
        "walk_s": seconds(snapshot.walk_s),
        "held_share": _part(snapshot.held_share),
        "total": memory_object(snapshot.total),
    }


def snapshot_from(value: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot that ``snapshot_object`` made this of; times to the microsecond.

    Raises ValueError when it is something else.

    >>> from memstat.testing import snapshot_of
    >>> snapshot_from(snapshot_object(snapshot_of({7: 2048}))) == snapshot_of({7: 2048})
    True
    """
    try:
        return Snapshot(**head_from(value), processes=tuple(map(process_from, value["processes"])))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a snapshot: {error!r}") from error


def head_from(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return all fields of the snapshot but ``processes``; errors are those of the conversions."""
    return {
        "tick": whole(value["tick"]),
        "unix_time_s": from_iso_8601(value["time"]),
        "elapsed_s": real(value["elapsed_s"]),
        "late_s": real(value["late_s"]),
        "missed_ticks": whole(value["missed_ticks"]),
        "sweep_s": real(value["sweep_s"]),
        "complete": bool(value["complete"]),
        "total": memory_from(value["total"]),
        "torn": bool(value["torn"]),
        "missing_reason": perhaps(text, value["missing_reason"]),
        "spikes_bytes": whole(value["spikes_bytes"]),
        "walk_s": perhaps(real, value["walk_s"]),
        "held_share": real(value["held_share"]),
    }


def watch_summary(stats: SamplingStats, peak: Peak | None, duration_s: float) -> Json:
    """Return the end of a watch."""
    return {
        "kind": "summary",
        "duration_s": seconds(duration_s),
        **_sampling(stats),
        "peak": _peak(peak),
    }


def run_summary(result: RunResult, *, with_peak: bool, on_exceed: str) -> Json:
    """Return the end of a run; ``on_exceed`` is what a limit that is exceeded leads to."""
    summary: dict[str, object] = {
        "kind": "summary",
        "command": [decode_name(os.fsencode(argument)) for argument in result.command],
        "exit_code": result.exit_code,
        "signal": result.signal,
        "duration_s": seconds(result.duration_s),
        **_sampling(result.stats),
        "uncounted_descendants": result.uncounted_descendants,
        "rss_floor_bytes": result.rss_floor_bytes,
        "oom_kills": result.oom_kills,
        "survivors": [process_object(process) for process in result.survivors],
    }
    if result.limit is not None:
        summary["limit"] = _limit(result.limit, on_exceed)
    if with_peak:
        summary["peak"] = _peak(result.peak)
    return summary


def _limit(limit: Limit, on_exceed: str) -> Json:
    exceeded = limit.exceeded
    return {
        "max_pss_bytes": limit.max_pss_bytes,
        "on_exceed": on_exceed,
        "exceeded": exceeded is not None,
        "elapsed_s": seconds(exceeded.elapsed_s) if exceeded else None,
        "snapshot": snapshot_object(exceeded) if exceeded else None,
    }


def _sampling(stats: SamplingStats) -> Json:
    return {
        "interval_s": stats.interval_s,
        "samples": stats.samples,
        "missed_ticks": stats.missed_ticks,
        "incomplete_samples": stats.incomplete_samples,
        "torn_samples": stats.torn_samples,
        "stopped_ticks": stats.stopped_ticks,
        "longest_gap_s": seconds(stats.longest_gap_s),
        "sweep_s": {
            "median": seconds(stats.sweep_median_s),
            "max": seconds(stats.sweep_max_s),
        },
        "walks": {
            "count": stats.walks,
            "held_s": seconds(stats.walk_s),
            "largest_held_share": _part(stats.held_share),
        },
        "interval_changes": [
            {"elapsed_s": seconds(elapsed_s), "interval_s": interval_s}
            for elapsed_s, interval_s in stats.interval_changes
        ],
    }


def _peak(peak: Peak | None) -> Json | None:
    if peak is None:
        return None
    return {
        "pss_bytes": peak.pss_bytes,
        "pss_low_bytes": peak.pss_low_bytes,
        "pss_high_bytes": peak.pss_high_bytes,
        "elapsed_s": seconds(peak.elapsed_s),
        "snapshot": snapshot_object(peak.snapshot),
    }


def process_object(process: ProcessSample) -> dict[str, object]:
    """Return a process as the guide documents it."""
    return {
        "pid": process.key.pid,
        "ppid": process.ppid,
        "start_ticks": process.key.start_ticks,
        "depth": process.depth,
        "name": process.name,
        "status": process.status.value,
        "reason": process.reason,
        **memory_object(process.memory),
        "rss_peak_bytes": process.rss_peak_bytes,
        "walk_age_s": seconds(process.walk_age_s),
        "walked_pss_bytes": process.walked_pss_bytes,
    }


def process_from(value: Mapping[str, Any]) -> ProcessSample:
    """Return the process; a recording may have its command line too."""
    check_process(value)
    return checked_process(value)


def checked_process(value: Mapping[str, Any]) -> ProcessSample:
    """Return the process of fields that were checked: that takes as long as to make it."""
    return ProcessSample(
        key=ProcessKey(value["pid"], value["start_ticks"]),
        name=value["name"],
        ppid=value["ppid"],
        depth=value["depth"],
        status=ReadStatus(value["status"]),
        memory=Memory(*map(value.get, MEMORY_FIELDS)),
        rss_peak_bytes=value["rss_peak_bytes"],
        command_line=value.get("command_line"),
        reason=value["reason"],
        walk_age_s=value.get("walk_age_s"),
        walked_pss_bytes=value.get("walked_pss_bytes"),
    )


def memory_from(value: Mapping[str, Any]) -> Memory:
    """Return the sizes; what an older memstat did not know of is ``None``."""
    return Memory(*[perhaps(whole, value.get(field)) for field in MEMORY_FIELDS])


def memory_object(memory: Memory) -> dict[str, object]:
    """Return sizes as the guide documents them."""
    return {field: getattr(memory, field) for field in MEMORY_FIELDS}


def seconds(value: float | None) -> float | None:
    """Return a duration to the microsecond: the clock is read no more precisely."""
    return None if value is None else round(value, 6)


def _part(share: float) -> float:
    return round(share, 6)


def iso_8601(unix_time_s: float) -> str:
    """Return a time of day in UTC, to the microsecond."""
    whole, micros = divmod(round(unix_time_s * 1_000_000), 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{micros:06}Z"


def from_iso_8601(text: str) -> float:
    """Return the time; ValueError for another text."""
    from datetime import datetime  # noqa: PLC0415 - needed only to read

    return datetime.fromisoformat(text).timestamp()
