"""What a program sees of a sidecar: its record, and requests that block or are awaited."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

from memstat.model import Snapshot
from memstat.results import Mark, Peak, SamplingStats
from memstat.sidecars.connection import Connection

__all__ = ["AsyncSidecar", "Sidecar"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _View:
    """What a sidecar has measured so far."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def pid(self) -> int:
        """PID of the sidecar process."""
        return self._connection.pid

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot."""
        latest = self._connection.record.tally.latest
        # The block begins with one.
        assert latest is not None
        return latest

    @property
    def peak(self) -> Peak | None:
        """The peak since the start or the last ``reset_peak``; ``None`` if nothing was measured."""
        return self._connection.record.tally.peak

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks so far, oldest first."""
        return self._connection.record.tally.marks

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """The last snapshots, oldest first, at most ``keep_snapshots``."""
        with self._connection.reading() as record:
            return tuple(record.snapshots)

    @property
    def stats(self) -> SamplingStats:
        """The quality of the sampling: how many samples, gaps and durations in seconds."""
        with self._connection.reading() as record:
            return record.tally.stats


class Sidecar(_View):
    """A running sidecar, made by ``with sidecar()``.

    Sizes are in bytes, times in seconds. ``latest``, ``peak``, ``marks``, ``snapshots`` and
    ``stats`` can also be read after the block; ``mark``, ``reset_peak`` and ``restart`` then raise
    SidecarError. They also raise it when the sidecar has failed or does not answer within 30 s, and
    in a process that was forked in the block. Once the target has ended they take no more samples.

    >>> from memstat import sidecar
    >>> with sidecar() as s:
    ...     held = bytearray(50_000_000)
    ...     loaded = s.mark("loaded")
    ...     del held
    ...     s.reset_peak()
    >>> s.peak.pss_bytes < loaded.peak.pss_bytes
    True
    >>> s.marks == (loaded,)
    True
    """

    def mark(self, name: str) -> Mark:
        """Take a sample now and name the instant; return the mark, with the peak of its phase.

        A phase begins at the mark before, or at the start of the block. The sample makes sure that
        no phase is too short to have one. Blocks for some milliseconds. Raises SidecarError.
        """
        return self._connection.mark(name)

    def reset_peak(self) -> None:
        """Begin ``peak`` anew with a sample now; marks keep theirs. Blocks, raises as ``mark``."""
        self._connection.reset_peak()

    def restart(self) -> None:
        """Begin everything anew with a sample now, as a new block would, but much faster.

        Blocks and raises as ``mark``.
        """
        self._connection.restart()


class AsyncSidecar(_View):
    """A running sidecar, made by ``async with sidecar()``, on asyncio or trio.

    As Sidecar, but ``mark``, ``reset_peak`` and ``restart`` are awaited: they wait in a thread
    while the event loop goes on, and raise SidecarError in the same cases.

    >>> import anyio
    >>> from memstat import sidecar
    >>> async def main():
    ...     async with sidecar() as s:
    ...         held = bytearray(50_000_000)
    ...         return await s.mark("loaded")
    >>> anyio.run(main).peak.pss_bytes > 50_000_000
    True
    """

    async def mark(self, name: str) -> Mark:
        """Take a sample now and name the instant; return the mark, with the peak of its phase.

        A phase begins at the mark before, or at the start of the block. The sample makes sure that
        no phase is too short to have one. Raises SidecarError.
        """
        return await in_thread(self._connection.mark, name)

    async def reset_peak(self) -> None:
        """Begin ``peak`` anew with a sample now; marks keep theirs. Raises as ``mark``."""
        await in_thread(self._connection.reset_peak)

    async def restart(self) -> None:
        """Begin everything anew with a sample now, as a new block would, but much faster.

        Raises as ``mark``.
        """
        await in_thread(self._connection.restart)


async def in_thread(work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
    """Return what blocking work returns, from a thread."""
    from anyio import CapacityLimiter, to_thread  # noqa: PLC0415 - only async programs need it

    # A limiter of its own, so that it need not wait for other threads of the program.
    return await to_thread.run_sync(work, *arguments, limiter=CapacityLimiter(1))
