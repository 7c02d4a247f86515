"""How much memory a program and everything it starts really uses, and when it was most."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from memstat.api import Watch, measure, run, supervise, watch
    from memstat.errors import MemstatError, NoSuchProcess, SidecarError, SizeError, SpawnError
    from memstat.model import (
        Mark,
        Memory,
        Peak,
        ProcessKey,
        ProcessSample,
        ReadStatus,
        RunResult,
        Snapshot,
    )
    from memstat.sidecars.client import sidecar
    from memstat.supervision.supervisor import Supervised
    from memstat.units import format_size, parse_size

_HOMES = {
    "memstat.api": ("Watch", "measure", "run", "supervise", "watch"),
    "memstat.errors": ("MemstatError", "NoSuchProcess", "SidecarError", "SizeError", "SpawnError"),
    "memstat.model": (
        "Mark",
        "Memory",
        "Peak",
        "ProcessKey",
        "ProcessSample",
        "ReadStatus",
        "RunResult",
        "Snapshot",
    ),
    "memstat.sidecars.client": ("sidecar",),
    "memstat.supervision.supervisor": ("Supervised",),
    "memstat.units": ("format_size", "parse_size"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Mark",
    "Memory",
    "MemstatError",
    "NoSuchProcess",
    "Peak",
    "ProcessKey",
    "ProcessSample",
    "ReadStatus",
    "RunResult",
    "SidecarError",
    "SizeError",
    "Snapshot",
    "SpawnError",
    "Supervised",
    "Watch",
    "format_size",
    "measure",
    "parse_size",
    "run",
    "sidecar",
    "supervise",
    "watch",
]


def __getattr__(name: str) -> object:
    # Imported on first use (PEP 562): `memstat get` starts without an event loop.
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value
