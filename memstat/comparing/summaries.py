"""Measurements of what ``memstat run --json`` has printed, a summary for each run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from memstat.comparing.history import grouped
from memstat.comparing.measurements import Measurements
from memstat.comparing.peaks import Machine, run_of
from memstat.recording.summaries import result_from
from memstat.results import RunResult

_UNKNOWN: Final = Machine(kernel=None, page_bytes=None)


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
            result = result_from(value)
        except ValueError as error:
            raise ValueError(f"line {number} is damaged: {error}") from error
        assert result is not None
        yield _run(result)


def _run(result: RunResult) -> Measurements:
    command = shlex.join(result.command)
    peak = result.peak
    run = run_of(peak, result.stats, _UNKNOWN)
    run = replace(
        run,
        duration_s=result.duration_s,
        exit_status=result.exit_status,
        # A summary has no other time.
        unix_time_s=None if peak is None else peak.snapshot.unix_time_s,
    )
    return Measurements(command, (run,), command)
