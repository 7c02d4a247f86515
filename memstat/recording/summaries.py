"""The last line of a recording, as the library's own values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memstat.jsonlines import snapshot_from
from memstat.results import Limit, Peak, RunResult, SamplingStats

Json = Mapping[str, Any]


def stats_from(value: Json) -> SamplingStats:
    """Return how the sampling went. Raises ValueError when a summary does not say so.

    >>> stats_from({})
    Traceback (most recent call last):
    ValueError: not a summary: KeyError('interval_s')
    """
    try:
        return SamplingStats(
            interval_s=float(value["interval_s"]),
            samples=int(value["samples"]),
            missed_ticks=int(value["missed_ticks"]),
            incomplete_samples=int(value["incomplete_samples"]),
            longest_gap_s=value["longest_gap_s"],
            sweep_median_s=value["sweep_s"]["median"],
            sweep_max_s=value["sweep_s"]["max"],
            torn_samples=int(value["torn_samples"]),
            stopped_ticks=int(value["stopped_ticks"]),
            walks=int(value["walks"]["count"]),
            walk_s=float(value["walks"]["held_s"]),
            held_share=float(value["walks"]["largest_held_share"]),
            interval_changes=tuple(
                (float(change["elapsed_s"]), float(change["interval_s"]))
                for change in value["interval_changes"]
            ),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a summary: {error!r}") from error


def peak_from(value: Json) -> Peak | None:
    """Return the peak; ``None`` when nothing was measured. Raises ValueError likewise."""
    peak = value.get("peak")
    if peak is None:
        return None
    try:
        snapshot = snapshot_from(peak["snapshot"])
        return Peak(
            int(peak["pss_bytes"]),
            snapshot,
            int(peak["pss_low_bytes"]),
            int(peak["pss_high_bytes"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a summary: {error!r}") from error


def result_from(value: Json) -> RunResult | None:
    """Return how a command ended; ``None`` for the end of a watch. Raises ValueError likewise."""
    if "command" not in value:
        return None
    stats, peak = stats_from(value), peak_from(value)
    try:
        limit = value.get("limit")
        return RunResult(
            command=tuple(map(str, value["command"])),
            exit_code=value["exit_code"],
            signal=value["signal"],
            duration_s=float(value["duration_s"]),
            stats=stats,
            peak=peak,
            limit=None if limit is None else _limit_from(limit),
            rss_floor_bytes=value["rss_floor_bytes"],
            uncounted_descendants=value["uncounted_descendants"],
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a summary: {error!r}") from error


def _limit_from(value: Json) -> Limit:
    exceeded = value["snapshot"]
    return Limit(int(value["max_pss_bytes"]), None if exceeded is None else snapshot_from(exceeded))
