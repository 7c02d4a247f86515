"""Measurements of what ``memstat run --json`` has printed, a summary for each run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from memstat.comparing.history import grouped
from memstat.comparing.measurements import Measurements, Run
from memstat.comparing.peaks import Machine, run_of
from memstat.jsonlines import snapshot_from
from memstat.results import Peak, SamplingStats

_UNKNOWN = Machine(kernel=None, page_bytes=None)

Json = Mapping[str, Any]


def measurements_of(values: Iterable[Any]) -> tuple[Measurements, ...]:
    """Return the runs by their commands; snapshots before a summary are passed over.

    Raises ValueError for a value of another kind, and when there is no summary.
    """
    found = grouped(_measurements(values))
    if not found:
        raise ValueError("no summary of memstat run --json")
    return found


def _measurements(values: Iterable[Any]) -> Iterator[Measurements]:
    for number, value in enumerate(values, 1):
        kind = value.get("kind") if isinstance(value, dict) else None
        if kind == "snapshot":
            continue
        if kind != "summary":
            raise ValueError(f"line {number} is no summary of memstat run --json")
        if "command" not in value or "peak" not in value:
            raise ValueError(f"line {number} has no command or no peak: it is of another command")
        try:
            yield _summary(value)
        except (KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(f"line {number} is damaged: {reason}") from error


def _summary(value: Json) -> Measurements:
    command = shlex.join(value["command"])
    peak = value["peak"]
    run = run_of(None if peak is None else _peak(peak), _stats(value), _UNKNOWN)
    run = replace(run, duration_s=value["duration_s"], exit_status=_status(value))
    return Measurements(command, (_timed(run, peak),), command)


def _timed(run: Run, peak: Json | None) -> Run:
    """Return a run with the time of its peak: a summary has no other."""
    if peak is None:
        return run
    return replace(run, unix_time_s=snapshot_from(peak["snapshot"]).unix_time_s)


def _status(value: Json) -> int | None:
    if value["signal"] is not None:
        return 128 + int(value["signal"])
    status: int | None = value["exit_code"]
    return status


def _peak(value: Json) -> Peak:
    return Peak(
        int(value["pss_bytes"]),
        snapshot_from(value["snapshot"]),
        int(value["pss_low_bytes"]),
        int(value["pss_high_bytes"]),
    )


def _stats(value: Json) -> SamplingStats:
    return SamplingStats(
        interval_s=float(value["interval_s"]),
        samples=int(value["samples"]),
        missed_ticks=int(value["missed_ticks"]),
        incomplete_samples=int(value["incomplete_samples"]),
        longest_gap_s=None,
        sweep_median_s=None,
        sweep_max_s=None,
    )
