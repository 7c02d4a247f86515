"""The mappings of a tree as JSON: bytes and seconds, unknown is ``null``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from memstat.json_types import perhaps, real, text, whole
from memstat.jsonlines import Json, from_iso_8601, iso_8601, process_from, process_object, seconds
from memstat.mappings import MappingGroup, MappingKind, Mappings

_KNOWN: Final = ("pss_bytes", "uss_bytes", "rss_bytes")
_PERHAPS_KNOWN: Final = ("swap_pss_bytes", "hugetlb_bytes")
_SIZES: Final = (*_KNOWN, *_PERHAPS_KNOWN)


def mappings_object(mappings: Mappings) -> Json:
    """Return what the memory of a tree consists of, as the guide documents it."""
    return {
        "kind": "mappings",
        "time": iso_8601(mappings.unix_time_s),
        "elapsed_s": seconds(mappings.elapsed_s),
        "read_s": seconds(mappings.read_s),
        "cpu_s": seconds(mappings.cpu_s),
        "held_s": seconds(mappings.held_s),
        "processes": mappings.processes,
        "complete": mappings.complete,
        "torn": mappings.torn,
        "missing_reason": mappings.missing_reason,
        "unread": [process_object(process) for process in mappings.unread],
        "total": {field: getattr(mappings.total, field) for field in _SIZES},
        "groups": [_group(group) for group in mappings.groups],
    }


def mappings_from(value: Mapping[str, Any]) -> Mappings:
    """Return what ``mappings_object`` made this of; times to the microsecond.

    Raises ValueError when it is something else.

    >>> mappings_from(mappings_object(Mappings((), 0.0))) == Mappings((), 0.0)
    True
    """
    try:
        return Mappings(
            tuple(
                MappingGroup(
                    MappingKind(group["kind"]),
                    text(group["name"]),
                    *[whole(group[field]) for field in _KNOWN],
                    *[perhaps(whole, group[field]) for field in _PERHAPS_KNOWN],
                    *[whole(group[field]) for field in ("processes", "mappings")],
                )
                for group in value["groups"]
            ),
            from_iso_8601(value["time"]),
            elapsed_s=real(value["elapsed_s"]),
            read_s=real(value["read_s"]),
            cpu_s=real(value["cpu_s"]),
            held_s=real(value["held_s"]),
            processes=whole(value["processes"]),
            complete=bool(value["complete"]),
            torn=bool(value["torn"]),
            unread=tuple(map(process_from, value["unread"])),
            missing_reason=perhaps(text, value["missing_reason"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not the mappings of a tree: {error!r}") from error


def _group(group: MappingGroup) -> Json:
    return {
        "kind": group.kind.value,
        "name": group.name,
        **{field: getattr(group, field) for field in _SIZES},
        "processes": group.processes,
        "mappings": group.mappings,
    }
