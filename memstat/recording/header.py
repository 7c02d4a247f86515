"""What stands at the start of a recording, and the kinds of its other lines. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from memstat.errors import RecordingError
from memstat.json_types import perhaps, real, text, whole
from memstat.jsonlines import Json, from_iso_8601, iso_8601

__all__ = ["Gap", "Header", "Host"]

T = TypeVar("T")

FORMAT: Final = 1
"""The version of the format that this memstat writes, and the last that it reads."""
_HOST_NUMBERS: Final = ("cpus", "memory_bytes", "swap_bytes", "page_bytes", "cgroup_limit_bytes")


@dataclass(frozen=True, slots=True)
class Host:
    """The machine that a recording was made on; ``None`` is unknown.

    >>> Host("node7").cpus is None
    True
    """

    name: str
    """Its name, as ``uname(2)`` has it."""
    kernel: str | None = None
    """The release of its kernel."""
    cpus: int | None = None
    """The processors that memstat could use."""
    memory_bytes: int | None = None
    """Its memory."""
    swap_bytes: int | None = None
    """Its swap space."""
    page_bytes: int | None = None
    """The size of a page."""
    boot_id: str | None = None
    """A random number of each boot: where it is the same, so is the clock."""
    cgroup: str | None = None
    """The control group of memstat, below the root of the hierarchy."""
    cgroup_limit_bytes: int | None = None
    """The memory limit of it, or of a group above; ``None`` without one."""


@dataclass(frozen=True, slots=True)
class Header:
    """What was recorded, when and where.

    >>> Header("0.1.0", 0.0, 0.1, Host("node7"), targets=(7,)).command is None
    True
    """

    memstat: str
    """The version of memstat that made the recording."""
    unix_time_s: float
    """When it began, seconds since 1970 UTC."""
    interval_s: float
    """The time between two ticks, at the start."""
    host: Host
    """The machine."""
    command: tuple[str, ...] | None = None
    """The command that was run, its arguments only where they were asked for; ``None``: none."""
    targets: tuple[int, ...] | None = None
    """The PIDs that were watched; ``None`` for a command."""
    recursive: bool = True
    """Whether their descendants belong to it."""
    arguments: bool = False
    """Whether it has the arguments of commands, which may hold secrets."""
    format: int = FORMAT
    """The version of the format."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Snapshots that were taken and not recorded, because the disk was too slow."""

    elapsed_s: float
    """When the first of them was taken, in seconds from the first tick."""
    dropped: int
    """How many."""


def header_object(header: Header) -> Json:
    """Return the first line of a recording."""
    host = header.host
    return {
        "kind": "recording",
        "format": header.format,
        "memstat": header.memstat,
        "time": iso_8601(header.unix_time_s),
        "interval_s": header.interval_s,
        "command": header.command,
        "targets": header.targets,
        "recursive": header.recursive,
        "arguments": header.arguments,
        "host": {field: getattr(host, field) for field in Host.__dataclass_fields__},
    }


def header_from(value: object) -> Header:
    """Return the header that a first line holds. Raises RecordingError for any other line.

    >>> header_from({"kind": "recording", "format": 2})
    Traceback (most recent call last):
    memstat.errors.RecordingError: its format is 2, and this memstat reads 1: use a newer memstat
    """
    if not isinstance(value, dict) or value.get("kind") != "recording":
        raise RecordingError("it is no recording of memstat (--record makes them)")
    version = value.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise RecordingError(
            f"its format is {version}, and this memstat reads {FORMAT}: use a newer memstat"
        )
    try:
        return Header(
            memstat=text(value["memstat"]),
            unix_time_s=from_iso_8601(value["time"]),
            interval_s=real(value["interval_s"]),
            host=_host_from(value.get("host") or {}),
            command=_tuple(text, value.get("command")),
            targets=_tuple(whole, value.get("targets")),
            recursive=bool(value["recursive"]),
            arguments=bool(value.get("arguments")),
            format=whole(value["format"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordingError(f"its first line is damaged: {error!r}") from error


def _host_from(value: Mapping[str, Any]) -> Host:
    return Host(
        text(value.get("name", "?")),
        kernel=perhaps(text, value.get("kernel")),
        boot_id=perhaps(text, value.get("boot_id")),
        cgroup=perhaps(text, value.get("cgroup")),
        **{field: perhaps(whole, value.get(field)) for field in _HOST_NUMBERS},
    )


def _tuple(convert: Callable[[object], T], value: list[Any] | None) -> tuple[T, ...] | None:
    return None if value is None else tuple([convert(item) for item in value])
