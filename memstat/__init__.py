"""How much memory a program and everything it starts really uses, and when it was most."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from memstat.api import *
    from memstat.errors import *
    from memstat.mappings import *
    from memstat.model import *
    from memstat.recording.header import *
    from memstat.recording.loading import *
    from memstat.recording.record import *
    from memstat.recording.recorder import *
    from memstat.results import *
    from memstat.sampling.tally import *
    from memstat.sidecars.client import *
    from memstat.sidecars.views import *
    from memstat.supervision.supervised import *
    from memstat.units import *

__version__ = "0.1.0"

_HOMES: Final = (
    "memstat.errors",
    "memstat.mappings",
    "memstat.model",
    "memstat.results",
    "memstat.units",
    "memstat.recording.header",
    "memstat.recording.loading",
    "memstat.sampling.tally",
    "memstat.sidecars.client",
    "memstat.sidecars.views",
    "memstat.supervision.supervised",
    "memstat.api",
    "memstat.recording.recorder",
    "memstat.recording.record",
)
"""Their ``__all__`` is public here too. Those that import an event loop come last."""


def __getattr__(name: str) -> object:
    # Imported on first use (PEP 562): `memstat get` starts without an event loop.
    if name == "__all__":
        return __dir__()
    if not name.startswith("_"):
        for home in map(importlib.import_module, _HOMES):
            if name in home.__all__:
                value = globals()[name] = getattr(home, name)
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(name for home in _HOMES for name in importlib.import_module(home).__all__)
