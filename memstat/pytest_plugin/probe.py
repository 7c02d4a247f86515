"""The sidecar of a pytest process, and what a test can read of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from memstat.errors import SidecarError
from memstat.model import Mark, Peak, Snapshot
from memstat.sidecars.client import Sidecar, SidecarBlock, sidecar

INTERVAL_S: Final = 0.02


class SharedSidecar:
    """One sidecar for all tests of a process, and another one after a failure."""

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
        # Only the newest snapshot and those of the peaks are kept: a session may take hours.
        block = sidecar(interval_s=INTERVAL_S, keep_snapshots=0)
        self._sidecar = block.__enter__()
        self._block = block
        return self._sidecar


class MemoryProbe:
    """What a test and all that it starts use: the fixture ``memory``.

    Sizes are in bytes. Everything counts from the call of the test: what its fixtures set up before
    is in ``latest`` and in the peaks, but was there at the start.
    """

    def __init__(self, shared: SharedSidecar) -> None:
        self._shared = shared

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot."""
        return self._shared.sidecar.latest

    @property
    def peak(self) -> Peak | None:
        """The peak since the call of the test began; ``None`` if nothing could be measured."""
        return self._shared.sidecar.peak

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks since then, oldest first."""
        return self._shared.sidecar.marks

    def mark(self, name: str) -> Mark:
        """Take a sample now and name the instant; the mark has the peak since the one before it.

        Takes a millisecond, in async tests too. Raises SidecarError when the sidecar has failed.
        """
        return self._shared.sidecar.mark(name)
