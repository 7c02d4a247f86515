"""The sidecar of a pytest process, and what a test sees of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from memstat.errors import SidecarError
from memstat.model import Mark, Peak, Snapshot
from memstat.sidecars.client import Sidecar, SidecarBlock, sidecar

INTERVAL_S: Final = 0.02


class Station:
    """One sidecar for all tests of a process; another when it has died."""

    def __init__(self) -> None:
        self._block: SidecarBlock | None = None
        self._sidecar: Sidecar | None = None

    @property
    def sidecar(self) -> Sidecar:
        """The sidecar, started if there is none. Raises SidecarError."""
        return self._sidecar or self._start()

    def begin(self) -> Sidecar:
        """Return a sidecar that measures from now on. Raises SidecarError."""
        if self._sidecar is not None:
            try:
                self._sidecar.restart()
                return self._sidecar
            except SidecarError:
                self.close()
        return self._start()

    def close(self) -> None:
        """End the sidecar, in whatever state it is."""
        block, self._block, self._sidecar = self._block, None, None
        if block is not None:
            with suppress(SidecarError):
                block.__exit__(None, None, None)

    def _start(self) -> Sidecar:
        # Of its snapshots the newest and those of the peaks are kept: it serves for hours.
        block = sidecar(interval_s=INTERVAL_S, keep_snapshots=0)
        self._sidecar = block.__enter__()
        self._block = block
        return self._sidecar


class MemoryProbe:
    """What this test and all that it starts use. The fixture ``memory``."""

    def __init__(self, station: Station) -> None:
        self._station = station

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot."""
        return self._station.sidecar.latest

    @property
    def peak(self) -> Peak | None:
        """The peak since the call of the test began."""
        return self._station.sidecar.peak

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks since then, oldest first."""
        return self._station.sidecar.marks

    def mark(self, name: str) -> Mark:
        """Take a sample now and name the instant; the mark has the peak since the one before it.

        Takes a millisecond, in async tests too. Raises SidecarError when the sidecar has failed.
        """
        return self._station.sidecar.mark(name)
