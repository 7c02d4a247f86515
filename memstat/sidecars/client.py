"""``sidecar``: measure a process, this one by default, from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, TypeVar, TypeVarTuple, Unpack

from memstat.errors import SidecarError
from memstat.model import ProcessSample, ReadStatus, Snapshot
from memstat.report.notes import remedy
from memstat.results import Mark, Peak, SamplingStats
from memstat.sampling.clock import check_interval
from memstat.sampling.policy import GENTLE, Policy, policy_of
from memstat.sidecars.connection import PATIENCE_S, Connection
from memstat.sidecars.record import KEPT_SNAPSHOTS, Record
from memstat.sidecars.start import start_request

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

__all__ = ["AsyncSidecar", "Sidecar", "SidecarBlock", "sidecar"]

INTERVAL_S: Final = 0.05


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
        return await _in_thread(self._connection.mark, name)

    async def reset_peak(self) -> None:
        """Begin ``peak`` anew with a sample now; marks keep theirs. Raises as ``mark``."""
        await _in_thread(self._connection.reset_peak)

    async def restart(self) -> None:
        """Begin everything anew with a sample now, as a new block would, but much faster.

        Raises as ``mark``.
        """
        await _in_thread(self._connection.restart)


class SidecarBlock:
    """A block that runs a sidecar, entered once with ``with`` or ``async with``.

    ``patience_s`` is how long to wait for the answer to a request before the sidecar is killed.
    """

    def __init__(
        self,
        pid: int | None = None,
        *,
        recursive: bool = True,
        interval_s: float = INTERVAL_S,
        keep_snapshots: int | None = KEPT_SNAPSHOTS,
        policy: Policy = GENTLE,
        python: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        check_interval(interval_s)
        self._pid = pid
        self._recursive = recursive
        self._interval_s = interval_s
        self._policy = policy
        self._record = Record(interval_s, keep_snapshots)
        self._python = python
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
        from anyio import CancelScope  # noqa: PLC0415 - only async programs need it

        with CancelScope(shield=True):
            await _in_thread(self._close, error)

    def _enter_once(self) -> None:
        if self._is_entered:
            raise RuntimeError("this block was entered before: call sidecar() again")
        self._is_entered = True

    def _open(self) -> Connection:
        request = start_request(
            self._pid,
            recursive=self._recursive,
            interval_s=self._interval_s,
            policy=self._policy,
        )
        self._connection = connection = Connection.start(
            self._record, patience_s=self._patience_s, python=self._python, listens=True
        )
        if self._is_abandoned:
            connection.abandon()
        connection.begin(request)
        denied = _denied_of(self._record.tally.latest)
        if denied is not None:
            connection.close()
            pid = request.target.pid
            raise SidecarError(f"the memory of process {pid} may not be read: {remedy(denied)}")
        return connection

    def _abandon(self) -> None:
        # ``_open`` runs in another thread: it sees this flag, or here its connection is seen.
        self._is_abandoned = True
        if self._connection is not None:
            # It waits for the end of the thread that listens: not on the event loop.
            try:
                threading.Thread(
                    target=self._connection.abandon, name="memstat sidecar end"
                ).start()
            except RuntimeError:
                # No thread can be started.
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


def _denied_of(snapshot: Snapshot | None) -> ProcessSample | None:
    """Return the first process that is denied, when nothing could be measured."""
    if snapshot is None or snapshot.total.pss_bytes is not None:
        return None
    return next((p for p in snapshot.processes if p.status is ReadStatus.DENIED), None)


async def _in_thread(work: Callable[[Unpack[Ts]], T], *arguments: *Ts) -> T:
    from anyio import CapacityLimiter, to_thread  # noqa: PLC0415 - only async programs need it

    # A limiter of its own, so that it need not wait for other threads of the program.
    return await to_thread.run_sync(work, *arguments, limiter=CapacityLimiter(1))


def sidecar(
    pid: int | None = None,
    *,
    recursive: bool = True,
    interval_s: float = INTERVAL_S,
    keep_snapshots: int | None = KEPT_SNAPSHOTS,
    budget: float = GENTLE.budget,
    exact: bool = False,
    python: str | None = None,
) -> SidecarBlock:
    """Measure a process, by default this one, and its descendants from a separate process.

    Works with ``with``, and on asyncio and trio with ``async with``: the block gets a Sidecar or an
    AsyncSidecar. It begins with the first snapshot and ends with a last one. In between, one is
    taken every ``interval_s`` seconds, also while C code holds the GIL or the event loop is
    blocked. The last ``keep_snapshots`` are kept; ``None`` keeps all. The peaks are taken from
    every snapshot.

    ``budget`` and ``exact`` are those of ``memstat.watch``: how much of their time processes may be
    held up to look at their pages. Between these looks, sizes are estimated. The snapshots at the
    start and the end of the block, and of each mark, look at them in any case.

    A sidecar counts neither itself nor other sidecars of the same process. But PSS divides shared
    pages by the number of processes that map them: as the sidecar shares the interpreter and its
    libraries, it lowers the PSS of a Python program by a megabyte or two. The sidecar ends with the
    block, or when this process ends, however it ends. It is not an error when the target ends
    before the block.

    During the block a thread of this process takes in the snapshots, so that none is lost while the
    program asks for nothing. It ends for the time of a fork by ``os.fork``. While it cannot run,
    because C code holds the GIL, the sidecar keeps 16 MiB of them, and of more every second one,
    the larger of two.

    ``python`` names the interpreter that runs it, by default that of ``MEMSTAT_PYTHON`` or else
    ``sys.executable``. Where that is no Python, as in a server that embeds one, entering the block
    raises SidecarError within a second.

    The sidecar is no child of this process, unless this process adopts orphans as a subreaper or
    as process 1 of a container. It is waited for there too.

    Raises ValueError at once for an interval that is not a positive number, and for a budget that
    is not between 0 and 1. Entering the block
    raises NoSuchProcess or NotAProcess for a ``pid`` that is no process, and SidecarError when the
    sidecar cannot be started or may not read the target. Leaving it raises SidecarError when the
    sidecar has failed, unless the block itself raised an error.

    >>> with sidecar() as s:
    ...     held = bytearray(50_000_000)
    ...     loaded = s.mark("loaded")
    >>> s.peak.pss_bytes >= loaded.peak.pss_bytes > 50_000_000
    True
    """
    return SidecarBlock(
        pid,
        recursive=recursive,
        interval_s=interval_s,
        keep_snapshots=keep_snapshots,
        policy=policy_of(budget, exact=exact),
        python=python,
    )
