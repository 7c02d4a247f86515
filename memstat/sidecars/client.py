"""``sidecar``: measure a process, this one by default, from outside."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Final

from memstat.errors import SidecarError
from memstat.model import ProcessSample, ReadStatus, Snapshot
from memstat.report.notes import remedy
from memstat.sampling.clock import check_interval
from memstat.sampling.policy import GENTLE, Policy, policy_of
from memstat.sidecars.connection import PATIENCE_S, Connection
from memstat.sidecars.record import KEPT_SNAPSHOTS, Record
from memstat.sidecars.start import start_request
from memstat.sidecars.views import AsyncSidecar, Sidecar, in_thread

__all__ = ["SidecarBlock", "sidecar"]

INTERVAL_S: Final = 0.05


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
            return AsyncSidecar(await in_thread(self._open))
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
            await in_thread(self._close, error)

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
    program asks for nothing. It ends for the time of a fork by ``os.fork``; from Python 3.13 on,
    which would warn of it, until the program next asks for something. While it is not there, or
    cannot run because C code holds the GIL, the sidecar keeps 16 MiB of them, and of more every
    second one, the larger of two.

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
