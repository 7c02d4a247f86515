"""Measurements as a file: the skeleton of hyperfine's JSON, and each run with all its sizes. Pure.

What draws or tabulates hyperfine's files reads these too: ``times`` and what is computed of them
are seconds, ``memory_usage_byte`` are peaks in bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from memstat.comparing.measurements import Flaw, Measurements, Program, Run

FORMAT: Final = 1
"""Of the runs. A higher number is a file that cannot be read as this one."""

_SIZES: Final = (
    *("pss_bytes", "pss_low_bytes", "pss_high_bytes", "uss_bytes", "rss_bytes", "swap_bytes"),
    *("exit_status", "samples", "page_bytes"),
)
_SECONDS: Final = ("duration_s", "user_s", "system_s", "interval_s")
_PARTS: Final = ("pss_anon_bytes", "pss_file_bytes", "pss_shmem_bytes")

Json = Mapping[str, Any]


def encode(measurements: Sequence[Measurements], version: str) -> str:
    r"""Return the text of a file, with a newline at its end.

    >>> decode(encode([Measurements("sort", (Run(pss_bytes=4096),))], "0.1.0"))[0].runs[0].pss_bytes
    4096
    """
    value = {
        "results": [_result(one) for one in measurements],
        "memstat": {"format": FORMAT, "version": version},
    }
    return json.dumps(value, indent=2) + "\n"


def decode(text: str) -> tuple[Measurements, ...]:
    """Return what a file holds. Raises ValueError where it is something else."""
    return measurements_of(json.loads(text))


def is_bench(value: object) -> bool:
    """Whether a value of JSON is such a file, or one of hyperfine."""
    return isinstance(value, dict) and "results" in value


def measurements_of(value: Any) -> tuple[Measurements, ...]:
    """Return what the value of a file holds. Raises ValueError where it is something else."""
    header = value.get("memstat") if is_bench(value) else None
    if not isinstance(header, dict):
        raise ValueError("no file of memstat bench: the runs of hyperfine have no peaks of a tree")  # noqa: TRY004
    if header.get("format") != FORMAT:
        raise ValueError(f"its format is {header.get('format')!r}, and only {FORMAT} is known")
    try:
        return tuple(_measurements(result) for result in value["results"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"damaged: {type(error).__name__}: {error}") from error


def _result(measurements: Measurements) -> Json:
    runs = measurements.runs
    times = [run.duration_s for run in runs if run.duration_s is not None]
    users = [run.user_s for run in runs if run.user_s is not None]
    systems = [run.system_s for run in runs if run.system_s is not None]
    return {
        "command": measurements.command or measurements.name,
        "name": measurements.name,
        "mean": _mean(times),
        "stddev": _deviation(times),
        "median": _median(times),
        "user": _mean(users),
        "system": _mean(systems),
        "min": min(times, default=None),
        "max": max(times, default=None),
        "times": times,
        "memory_usage_byte": [run.pss_bytes for run in runs],
        "exit_codes": [run.exit_status for run in runs],
        "parameters": {},
        "runs": [_run(run) for run in runs],
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _median(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    if not ordered:
        return None
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _deviation(values: Sequence[float]) -> float | None:
    mean = _mean(values)
    if mean is None or len(values) < 2:
        return None
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _run(run: Run) -> Json:
    return {
        "time": None if run.unix_time_s is None else _iso_8601(run.unix_time_s),
        **{field: getattr(run, field) for field in (*_SIZES, *_SECONDS)},
        "flaw": None if run.flaw is None else run.flaw.name.lower(),
        "kernel": run.kernel,
        "programs": [program._asdict() for program in run.programs],
    }


def _iso_8601(unix_time_s: float) -> str:
    return datetime.fromtimestamp(unix_time_s, UTC).isoformat().replace("+00:00", "Z")


def _measurements(value: Json) -> Measurements:
    runs = tuple(_run_from(run) for run in value["runs"])
    if not runs:
        raise ValueError("a command has no runs")
    command = _text(value["command"])
    return Measurements(_text(value.get("name") or command), runs, command)


def _run_from(value: Json) -> Run:
    flaw, time, kernel = value.get("flaw"), value.get("time"), value.get("kernel")
    return Run(
        **{field: _checked(value, field, _whole) for field in _SIZES},
        **{field: _checked(value, field, _finite) for field in _SECONDS},
        unix_time_s=None if time is None else datetime.fromisoformat(time).timestamp(),
        flaw=None if flaw is None else _flaw(flaw),
        kernel=None if kernel is None else _text(kernel),
        programs=tuple(map(_program, value.get("programs") or ())),
    )


def _program(value: Json) -> Program:
    parts = (_checked(value, field, _whole) for field in _PARTS)
    return Program(
        _text(value["name"]), _whole(value["processes"]), _whole(value["pss_bytes"]), *parts
    )


def _checked(value: Json, field: str, check: Callable[[Any], Any]) -> Any:
    found = value.get(field)
    try:
        return None if found is None else check(found)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no whole number from 0")
    return value


def _finite(value: Any) -> float:
    if type(value) not in {int, float} or not math.isfinite(value) or value < 0:
        raise ValueError(f"{value!r} is no number from 0")
    return float(value)


def _flaw(name: Any) -> Flaw:
    try:
        return Flaw[str(name).upper()]
    except KeyError:
        raise ValueError(f"flaw: {name!r} is not known") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
