"""The last line of a recording, as the library's own values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memstat.json_types import perhaps, real, text, whole
from memstat.jsonlines import process_from, snapshot_from
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
            interval_s=real(value["interval_s"]),
            samples=whole(value["samples"]),
            missed_ticks=whole(value["missed_ticks"]),
            incomplete_samples=whole(value["incomplete_samples"]),
            longest_gap_s=perhaps(real, value["longest_gap_s"]),
            sweep_median_s=perhaps(real, value["sweep_s"]["median"]),
            sweep_max_s=perhaps(real, value["sweep_s"]["max"]),
            torn_samples=whole(value["torn_samples"]),
            stopped_ticks=whole(value["stopped_ticks"]),
            walks=whole(value["walks"]["count"]),
            walk_s=real(value["walks"]["held_s"]),
            held_share=real(value["walks"]["largest_held_share"]),
            interval_changes=tuple(
                (real(change["elapsed_s"]), real(change["interval_s"]))
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
            whole(peak["pss_bytes"]),
            snapshot,
            whole(peak["pss_low_bytes"]),
            whole(peak["pss_high_bytes"]),
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
            command=tuple(map(text, value["command"])),
            exit_code=perhaps(whole, value["exit_code"]),
            signal=perhaps(whole, value["signal"]),
            duration_s=real(value["duration_s"]),
            stats=stats,
            peak=peak,
            limit=None if limit is None else _limit_from(limit),
            rss_floor_bytes=perhaps(whole, value["rss_floor_bytes"]),
            uncounted_descendants=perhaps(whole, value["uncounted_descendants"]),
            # Not in the first recordings.
            oom_kills=perhaps(whole, value.get("oom_kills")),
            survivors=tuple(map(process_from, value.get("survivors", ()))),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a summary: {error!r}") from error


def _limit_from(value: Json) -> Limit:
    exceeded = value["snapshot"]
    return Limit(
        whole(value["max_pss_bytes"]), None if exceeded is None else snapshot_from(exceeded)
    )
