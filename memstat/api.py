"""What other programs embed: measure, watch, supervise, run."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from memstat.background import beside, in_thread
from memstat.model import ProcessKey, Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.proc.tree import Scope
from memstat.results import RunResult
from memstat.sampling.clock import check_interval
from memstat.sampling.liveness import targets_ended
from memstat.sampling.observation import Observation
from memstat.sampling.observer import Observer
from memstat.sampling.policy import GENTLE, Policy, policy_of
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweeper, sweep_once
from memstat.supervision.spawn import SpawnContext, Stream, as_arguments
from memstat.supervision.supervised import Supervised
from memstat.supervision.supervisor import SupervisionOptions
from memstat.supervision.supervisor import supervise as _supervise

if TYPE_CHECKING:  # Most measurements do without it.
    from memstat.mappings import Mappings

__all__ = ["Watch", "measure", "measure_mappings", "run", "supervise", "watch"]


async def measure(pid: int, *, recursive: bool = True) -> Snapshot:
    """Return one snapshot of a process and, when ``recursive``, of all its descendants.

    Sizes are in bytes, as proc_pid_smaps(5) defines them.

    Raises NoSuchProcess when no process has this PID, NotAProcess when it is the id of a thread,
    UnreadableProcess when the kernel cannot report on it now, UnsupportedPlatform without a Linux
    ``/proc``, TooManyDescriptors when none is left. A process that may not be read is no error: see
    ``Snapshot.complete`` and ``ProcessSample.status``.

    >>> import anyio, os
    >>> snapshot = anyio.run(measure, os.getpid())
    >>> snapshot.total.pss_bytes > 1_000_000
    True
    """
    return await in_thread(_measure, pid, recursive)


def _measure(pid: int, recursive: bool) -> Snapshot:  # noqa: FBT001
    return sweep_once(LinuxProcSource(), Scope(roots=(_find(pid),), recursive=recursive))


async def measure_mappings(pid: int, *, recursive: bool = True) -> Mappings:
    """Return what the memory of a process and, when ``recursive``, of its descendants consists of.

    Sizes are in bytes, as proc_pid_smaps(5) defines them. Where a process has many small mappings
    this takes some twenty times as long as ``measure``, and as long where it has few large ones.

    Raises as ``measure`` does. A process that may not be read is no error: see ``Mappings.unread``.

    >>> import anyio, os
    >>> mappings = anyio.run(measure_mappings, os.getpid())
    >>> "stack" in {group.kind for group in mappings.groups}
    True
    """
    return await in_thread(_measure_mappings, pid, recursive)


def _measure_mappings(pid: int, recursive: bool) -> Mappings:  # noqa: FBT001
    from memstat.sampling.mapped import map_once  # noqa: PLC0415 - seldom needed

    return map_once(LinuxProcSource(), Scope(roots=(_find(pid),), recursive=recursive)).mappings


def _find(pid: int) -> ProcessKey:
    return LinuxProcSource().require(pid).key


class Watch(Observation):
    """The snapshots of running processes and their peak. Made by ``watch``.

    Iterating yields snapshots until every target has ended.
    """

    def stop(self) -> None:
        """Take one last sample, then end all iterations."""
        self._sampler.stop()


@asynccontextmanager
async def watch(
    *pids: int,
    recursive: bool = True,
    interval_s: float = 0.1,
    excluded: Collection[int] = (),
    command_lines: bool = False,
    budget: float = GENTLE.budget,
    exact: bool = False,
) -> AsyncIterator[Watch]:
    """Watch processes that run already, on a fixed grid of ticks, until the block is left.

    Enter and leave the block in the same task, as any task group: to enter it in one and leave it
    in another is impossible and raises RuntimeError. To end a watch from elsewhere, call ``stop``.

    At each tick the processes are glanced at, which costs them nothing. They are walked, which is
    exact and holds them up, where that takes no more than ``budget``, a part of their time, and the
    glances leave it uncertain what they use: what is estimated has ``pss_low_bytes`` and
    ``pss_high_bytes`` that differ. With ``exact`` all are walked at every tick.

    A process in the trees of several of them is counted once; ``excluded`` PIDs never belong to a
    tree. With ``command_lines`` the samples hold the command lines too.

    Raises as ``measure`` does, before the block starts, and ValueError for an interval that is not
    positive and finite, or a budget that is not between 0 and 1. TooManyDescriptors may also come
    out of the block later.

    >>> import anyio, os
    >>> async def most() -> int:
    ...     async with watch(os.getpid(), interval_s=0.01) as w:
    ...         async for snapshot in w:
    ...             if snapshot.tick >= 2:
    ...                 break
    ...         return w.peak.pss_bytes
    >>> anyio.run(most) > 1_000_000
    True
    """
    policy = policy_of(budget, exact=exact)
    check_interval(interval_s)
    scope = Scope(
        roots=tuple([await in_thread(_find, pid) for pid in pids]),
        recursive=recursive,
        excluded=frozenset(excluded),
        command_lines=command_lines,
    )
    async with watch_scope(scope, interval_s, policy) as watched:
        yield watched


@asynccontextmanager
async def watch_scope(
    scope: Scope,
    interval_s: float | None,
    policy: Policy,
    observers: Sequence[Observer] = (),
    *,
    owns_loop: bool = False,
) -> AsyncIterator[Watch]:
    """Watch processes of known identity; those that have ended since are no error.

    ``owns_loop`` says that nothing but memstat waits for the event loop.
    """
    source = await in_thread(LinuxProcSource)
    sampler = Sampler(
        Sweeper(source, scope, policy, owns_loop=owns_loop),
        interval_s,
        has_ended=partial(targets_ended, scope.roots),
        observers=observers,
    )
    async with beside(sampler.run):
        yield Watch(sampler)


@asynccontextmanager
async def supervise(
    command: Sequence[str | os.PathLike[str]],
    *,
    recursive: bool = True,
    interval_s: float | None = None,
    command_lines: bool = False,
    budget: float = GENTLE.budget,
    exact: bool = False,
    stdin: Stream = None,
    stdout: Stream = None,
    stderr: Stream = None,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Collection[int] = (),
    grace_s: float = 10.0,
    subreaper: bool = False,
    wait_all: bool = False,
    forwarded: Collection[signal.Signals] = (),
    max_pss_bytes: int | None = None,
    kill_on_exceed: bool = True,
) -> AsyncIterator[Supervised]:
    """Start a command, measure it with all its descendants, and wait for its end.

    Enter and leave the block in the same task, as any task group: to enter it in one and leave it
    in another is impossible and raises RuntimeError. To end it from elsewhere, call ``end``.

    Without ``interval_s`` it is sampled as often as 2 % of a core allows, between 10 and 50 times a
    second; ``stats.interval_changes`` has what changed. ``budget`` and ``exact`` are those of
    ``watch``.

    The streams are inherited unless given, as for ``subprocess.Popen``. When the block is left by
    an exception or a cancellation, the whole tree gets SIGTERM, after ``grace_s`` seconds SIGKILL,
    and is waited for. With ``subreaper`` this process adopts orphans of the tree
    (PR_SET_CHILD_SUBREAPER, prctl(2)) while the block lasts, so that daemons stay in it; with
    ``wait_all`` the block lasts until they have ended too, measured or not. An orphan of unseen
    parents looks like a child that this process starts by other means while the block lasts: such a
    child would be counted and reaped too. Earlier children are left alone.

    The ``forwarded`` signals are caught, in the main thread alone, and passed on to the command;
    ``grace_s`` after a SIGTERM or SIGHUP, or after a second Ctrl+C within two seconds, the tree
    gets SIGKILL. A second request to end a command that may not be signalled (it runs as another
    user) raises CommandLeftRunning. When its total PSS exceeds ``max_pss_bytes``, the tree is
    ended, unless ``kill_on_exceed`` is false; ``result.limit`` has the snapshot that did.

    Raises SpawnError when the command cannot be started, TypeError when it is a string and no list
    of arguments, TooManyThreads when no thread can be started, ValueError for an interval that is
    not positive and finite, a budget that is not between 0 and 1, a negative grace or limit and a
    stream that is PIPE (nothing would serve it), UnsupportedPlatform as ``watch``.
    TooManyDescriptors may also come out of the block.

    >>> import anyio
    >>> async def status() -> int:
    ...     async with supervise(["sh", "-c", "exit 3"]) as running:
    ...         pass
    ...     return running.result.exit_status
    >>> anyio.run(status)
    3
    """
    if interval_s is not None:
        check_interval(interval_s)
    if not grace_s >= 0 or (max_pss_bytes is not None and max_pss_bytes < 0):
        raise ValueError("neither grace_s nor max_pss_bytes can be negative")
    options = SupervisionOptions(
        recursive=recursive,
        interval_s=interval_s,
        command_lines=command_lines,
        policy=policy_of(budget, exact=exact),
        grace_s=grace_s,
        subreaper=subreaper,
        wait_all=wait_all,
        forwarded=forwarded,
        max_pss_bytes=max_pss_bytes,
        kill_on_exceed=kill_on_exceed,
    )
    arguments = as_arguments(command)
    if subprocess.PIPE in (stdin, stdout, stderr):
        raise ValueError("a stream cannot be PIPE: nothing would serve it; give it a file")
    context = SpawnContext(stdin, stdout, stderr, cwd, env, pass_fds)
    async with _supervise(arguments, options, context) as supervisor:
        yield supervisor.supervised


async def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    recursive: bool = True,
    interval_s: float | None = None,
    budget: float = GENTLE.budget,
    exact: bool = False,
    stdout: Stream = subprocess.DEVNULL,
) -> RunResult:
    """Run a command to its end and return its status, its peak and how well it was sampled.

    Its stdout is dropped unless ``stdout`` says otherwise. For everything else use ``supervise``,
    with the same errors and guarantees.

    >>> import anyio
    >>> result = anyio.run(run, ["sleep", "0.2"])
    >>> result.exit_status, result.peak.pss_bytes > 0
    (0, True)
    """
    async with supervise(
        command,
        recursive=recursive,
        interval_s=interval_s,
        budget=budget,
        exact=exact,
        stdout=stdout,
    ) as running:
        pass
    return running.result
