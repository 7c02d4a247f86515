"""Reads what the process of a test knows of itself at the start and the end of the test."""

from __future__ import annotations

from memstat.proc import own
from memstat.proc.own import OwnFiles
from memstat.pytest_plugin.marks import INACCURACY_BYTES, Boundary


class Boundaries:
    """Begins and ends the time that the kernel's high-water mark of this process counts for."""

    def __init__(self) -> None:
        self._files = OwnFiles()
        self._inheritable_bytes = 0

    def begin(self) -> Boundary | None:
        """Reset the mark; ``None`` where the kernel does not offer it, or no descriptor is left."""
        try:
            self._inheritable_bytes = max(self._inheritable_bytes, own.largest_own_rss_bytes())
            self._files.reset_high_water()
            child_bytes = own.largest_child_rss_bytes()
            memory = self._files.memory()
        except OSError:
            return None
        return Boundary(memory, own.largest_own_rss_bytes(), child_bytes, self._inheritable_bytes)

    def end(self, start: Boundary | None) -> Boundary | None:
        """Read the mark; ``None`` where it was not reset or cannot be read."""
        if start is None:
            return None
        try:
            # The first thing after the test.
            high_bytes = own.largest_own_rss_bytes()
            self._inheritable_bytes = max(self._inheritable_bytes, high_bytes)
            memory = self._files.memory()
            if high_bytes <= start.high_bytes:
                # Within the noise of the counters, or below what this process has inherited.
                is_noise = start.high_bytes - start.own.rss_bytes <= INACCURACY_BYTES
                high_bytes = memory.rss_bytes if is_noise else own.own_high_water_bytes()
        except OSError:
            return None
        children = own.largest_child_rss_bytes()
        return Boundary(memory, high_bytes, children, self._inheritable_bytes)

    def close(self) -> None:
        """Close the files that are read."""
        self._files.close()
