"""Which system this is. Imports nothing that other systems lack."""

from __future__ import annotations

import sys

from memstat.errors import UnsupportedPlatform


def require_linux_kernel() -> None:
    """Raise UnsupportedPlatform on any system but Linux."""
    if sys.platform != "linux":
        raise UnsupportedPlatform(f"memstat measures Linux processes; this is {sys.platform}")
