"""``sidecar``: measure a process, this one by default, from outside."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Final, TypeVar, TypeVarTuple, Unpack

from memstat.errors import SidecarError
from memstat.model import Mark, Peak, ProcessKey, ReadStatus, SamplingStats, Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.report.notes import REMEDY
from memstat.sampling.clock import check_interval
from memstat.sidecars.connection import PATIENCE_S, Connection
from memstat.sidecars.protocol import StartRequest
from memstat.sidecars.record import Record

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

__all__ = ["AsyncSidecar", "Sidecar", "sidecar"]

INTERVAL_S: Final = 0.05
KEPT_SNAPSHOTS: Final = 1000


class _View:
    """What a sidecar has told so far."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._record = connection.record

    @property
    def pid(self) -> int:
        """PID of the sidecar process."""
        return self._connection.pid

    @property
    def latest(self) -> Snapshot:
        """The newest snapshot."""
        # The block has begun with one.
        assert self._record.latest is not None
        return self._record.latest

    @property
    def peak(self) -> Peak | None:
        """The peak since the start or the last ``reset_peak``; ``None`` if nothing was measured."""
        return self._record.phases.peak

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks so far, oldest first."""
        return self._record.phases.marks

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """The last snapshots, oldest first, as many as ``keep_snapshots``."""
        with self._connection.changed:
            return tuple(self._record.snapshots)

    @property
    def stats(self) -> SamplingStats:
        """How the sampling goes."""
        with self._connection.changed:
            return self._record.stats


class Sidecar(_View):
    """A sidecar at work. Made by ``with sidecar()``; all of it can still be read afterwards."""

    def mark(self, name: str) -> Mark:
        """Take a sample now and name the instant; the mark has the peak since the mark before it.

        So no phase is too short to have a sample. Blocks for some milliseconds, and 30 s at most.
        Raises SidecarError when the sidecar has failed.
        """
        return self._connection.mark(name)

    def reset_peak(self) -> None:
        """Begin ``peak`` anew with a sample now; marks keep theirs. Blocks, raises as ``mark``."""
        self._connection.reset_peak()

    def restart(self) -> None:
        """Begin everything anew with a sample now, as if the block began now, but far sooner.

        Blocks and raises as ``mark``.
        """
        self._connection.restart()


class AsyncSidecar(_View):
    """A sidecar at work. Made by ``async with sidecar()``."""

    async def mark(self, name: str) -> Mark:
        """Take a sample now and name the instant; the mark has the peak since the mark before it.

        So no phase is too short to have a sample. Raises SidecarError when the sidecar has failed.
        """
        return await _in_thread(self._connection.mark, name)

    async def reset_peak(self) -> None:
        """Begin ``peak`` anew with a sample now. Marks keep theirs. Raises as ``mark``."""
        await _in_thread(self._connection.reset_peak)

    async def restart(self) -> None:
        """Begin everything anew with a sample now, as if the block began now, but far sooner."""
        await _in_thread(self._connection.restart)


class SidecarBlock:
    """Starts a sidecar when entered, by ``with`` or by ``async with``, and ends it when left."""

    def __init__(
        self,
        pid: int | None = None,
        *,
        recursive: bool = True,
        interval_s: float = INTERVAL_S,
        keep_snapshots: int | None = KEPT_SNAPSHOTS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        check_interval(interval_s)
        self._pid = pid
        self._recursive = recursive
        self._interval_s = interval_s
        self._record = Record(interval_s, keep_snapshots)
        self._patience_s = patience_s
        self._connection: Connection | None = None
        self._is_entered = False
        self._is_abandoned = False

    def __enter__(self) -> Sidecar:
        self._enter_once()
        return Sidecar(self._open())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close(error)

    async def __aenter__(self) -> AsyncSidecar:
        self._enter_once()
        try:
            return AsyncSidecar(await _in_thread(self._open))
        except BaseException:
            # A native cancellation of asyncio does not wait for the thread.
            self._abandon()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from anyio import CancelScope  # noqa: PLC0415 - not for those who are not async

        with CancelScope(shield=True):
            await _in_thread(self._close, error)

    def _enter_once(self) -> None:
        if self._is_entered:
            raise RuntimeError("this block was entered before: call sidecar() for another")
        self._is_entered = True

    def _open(self) -> Connection:
        request = self._start_request()
        self._connection = connection = Connection.start(self._record, patience_s=self._patience_s)
        if self._is_abandoned:
            connection.abandon()
        connection.begin(request)
        if _is_denied(self._record.latest):
            connection.close()
            pid = request.target.pid
            raise SidecarError(f"the memory of process {pid} may not be read: {REMEDY}")
        return connection

    def _start_request(self) -> StartRequest:
        source = LinuxProcSource()
        host = source.require(os.getpid())
        target = host if self._pid is None else source.require(self._pid)
        return StartRequest(
            target=ProcessKey(target.pid, target.start_ticks),
            host=ProcessKey(host.pid, host.start_ticks),
            recursive=self._recursive,
            interval_s=self._interval_s,
        )

    def _abandon(self) -> None:
        # ``_open`` runs in another thread: it sees this flag, or here its connection is seen.
        self._is_abandoned = True
        if self._connection is not None:
            self._connection.abandon()

    def _close(self, error: BaseException | None) -> None:
        if self._connection is None:
            return
        try:
            self._connection.close()
        except SidecarError:
            # The error of the block matters more.
            if error is None:
                raise


def _is_denied(snapshot: Snapshot | None) -> bool:
    if snapshot is None or snapshot.total.pss_bytes is not None:
        return False
    return any(process.status is ReadStatus.DENIED for process in snapshot.processes)


async def _in_thread(work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
    from anyio import CapacityLimiter, to_thread  # noqa: PLC0415 - not for those who are not async

    # Of its own, so that it need not wait for what else the program does in threads.
    return await to_thread.run_sync(work, *arguments, limiter=CapacityLimiter(1))


def sidecar(
    pid: int | None = None,
    *,
    recursive: bool = True,
    interval_s: float = INTERVAL_S,
    keep_snapshots: int | None = KEPT_SNAPSHOTS,
) -> SidecarBlock:
    """Measure a process, this one by default, and its descendants from a process of its own.

    For ``with`` and, on asyncio and trio, for ``async with``. It samples while C code holds the
    GIL or a loop is blocked, and does not count itself, nor do overlapping sidecars of one process
    count each other; but PSS shares out the pages of the interpreter and its libraries among all
    who map them, so it lowers the figure of a Python program by a megabyte or two. The block begins
    with the first snapshot and ends with a last one. The sidecar ends with the block, or when this
    process ends in whatever way; leaving the block after the target has ended is no error.
    ``keep_snapshots=None`` keeps all snapshots.

    Raises NoSuchProcess or NotAProcess on entering, and SidecarError when it cannot be started or
    may not read the target. When it fails in the block, leaving the block raises SidecarError,
    unless the block raised an error itself.

    >>> with sidecar() as s:
    ...     held = bytearray(50_000_000)
    ...     loaded = s.mark("loaded")
    >>> s.peak.pss_bytes >= loaded.peak.pss_bytes > 50_000_000
    True
    """
    return SidecarBlock(
        pid, recursive=recursive, interval_s=interval_s, keep_snapshots=keep_snapshots
    )
