"""What other programs record with."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext

from memstat import __version__
from memstat.background import in_thread
from memstat.jsonlines import Json, run_summary, watch_summary
from memstat.proc.host import host_facts
from memstat.recording.disk import Disk
from memstat.recording.header import Header, Host
from memstat.recording.keeper import mappings_kept
from memstat.recording.naming import expand
from memstat.recording.recorder import Recorder
from memstat.results import RunResult
from memstat.sampling.observation import Observation
from memstat.supervision.supervised import Supervised
from memstat.text import decode_name

__all__ = ["record"]


@asynccontextmanager
async def record(
    observed: Observation,
    path: str | os.PathLike[str],
    *,
    arguments: bool = False,
    maps: bool = False,
) -> AsyncIterator[Recorder]:
    """Record every snapshot and mark of a watch or a supervised command from now on.

    The file is JSON Lines, packed where its name ends in ``.gz``; in the name, ``%p``, ``%h`` and
    ``%t`` are the PID of this process, the host and the time. ``load`` reads it. It is for its
    owner alone, and holds the arguments of commands only with ``arguments``: they may be secret.
    With ``maps`` it has what the memory consists of at each new peak, as the budget allows.
    What has been taken is written within a second, and when the block is left; the last line sums
    up the whole watch or run until then. A disk that is too slow, or full, delays nothing: see
    ``remark`` of the Recorder.

    Raises RecordingError, before the block starts, when the file cannot be opened.

    >>> import anyio, memstat, os, tempfile
    >>> async def peaks(path: str) -> tuple[int, int]:
    ...     async with memstat.watch(os.getpid(), interval_s=0.01) as w:
    ...         async with memstat.record(w, path):
    ...             async for snapshot in w:
    ...                 if snapshot.tick >= 2:
    ...                     break
    ...     return w.peak.pss_bytes, memstat.load(path).peak.pss_bytes
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     of_watch, of_recording = anyio.run(peaks, f"{folder}/run.jsonl.gz")
    >>> of_watch >= of_recording > 1_000_000
    True
    """
    disk = await in_thread(open_disk, os.fspath(path))
    try:
        header = await in_thread(_header_of, observed, arguments)
    except BaseException:
        disk.close()
        raise
    recorder = Recorder(disk, header)
    async with recorder.at_work():
        observed.attach(recorder)
        try:
            async with mappings_kept(observed, recorder) if maps else nullcontext():
                yield recorder
        finally:
            observed.detach(recorder)
            recorder.conclude(_summary_of(observed, arguments=arguments))


def open_disk(path: str) -> Disk:
    """Open the file of a recording, of which the name is expanded. Raises RecordingError."""
    name = expand(path, pid=os.getpid(), host=os.uname().nodename, unix_time_s=time.time())
    return Disk(name)


def make_header(
    *,
    interval_s: float,
    recursive: bool,
    arguments: bool,
    command: Sequence[str] | None = None,
    targets: Sequence[int] | None = None,
) -> Header:
    """Return the header of a recording that begins now on this machine. Blocking."""
    return Header(
        memstat=__version__,
        unix_time_s=time.time(),
        interval_s=interval_s,
        host=Host(**host_facts()._asdict()),
        command=None if command is None else _recorded(command, arguments=arguments),
        targets=None if targets is None else tuple(targets),
        recursive=recursive,
        arguments=arguments,
    )


def summarize_run(result: RunResult, *, on_exceed: str, arguments: bool) -> Json:
    """Return the last line of the recording of a run."""
    summary = dict(run_summary(result, with_peak=True, on_exceed=on_exceed))
    summary["command"] = _recorded(result.command, arguments=arguments)
    return summary


def summarize_watch(observed: Observation) -> Json:
    """Return the last line of the recording of a watch."""
    tally = observed.tally
    duration_s = 0.0 if tally.latest is None else tally.latest.elapsed_s
    return watch_summary(tally.stats, tally.whole_peak, duration_s)


def _recorded(command: Sequence[str], *, arguments: bool) -> tuple[str, ...]:
    """Return what is recorded of a command: the program and, on request, its arguments."""
    shown = command if arguments else command[:1]
    return tuple(decode_name(os.fsencode(argument)) for argument in shown)


def _header_of(observed: Observation, arguments: bool) -> Header:  # noqa: FBT001 - for a thread
    command = observed.command if isinstance(observed, Supervised) else None
    return make_header(
        interval_s=observed.interval_s,
        recursive=observed.scope.recursive,
        arguments=arguments,
        command=command,
        targets=[root.pid for root in observed.scope.roots] if command is None else None,
    )


def _summary_of(observed: Observation, *, arguments: bool) -> Json:
    if isinstance(observed, Supervised) and observed.has_ended:
        on_exceed = "kill" if observed.kills_on_exceed else "warn"
        return summarize_run(observed.result, on_exceed=on_exceed, arguments=arguments)
    return summarize_watch(observed)
