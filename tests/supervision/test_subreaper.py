"""Supervising with a subreaper: orphans stay in the tree, and the host's own children out of it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import psutil
import pytest
from anyio import to_thread

import memstat
from tests.targets import children_of, python

pytestmark = pytest.mark.anyio

_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37

# The daemon lives until the FIFO is opened for writing; its parent ends at once.
DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1]).read()
    os._exit(0)
os.wait()
"""


@pytest.fixture
def daemon(tmp_path: Path) -> list[str]:
    """A command that leaves a daemon and ends; its last argument is the FIFO."""
    os.mkfifo(tmp_path / "fifo")
    return [*python(DAEMON), str(tmp_path / "fifo")]


@pytest.fixture(autouse=True)
def subreaper_off() -> Iterator[None]:
    yield
    assert not is_subreaper()


def is_subreaper() -> bool:
    value = ctypes.c_int()
    ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(value), 0, 0, 0)
    return bool(value.value)


def pids(snapshot: memstat.Snapshot) -> set[int]:
    return {process.key.pid for process in snapshot.processes}


def children() -> set[int]:
    """The children of this process, zombies included."""
    return children_of(os.getpid())


async def next_without_command(running: memstat.Supervised) -> set[int]:
    """Wait until the command has left the tree; return what is there then."""
    async for snapshot in running:
        if running.pid not in pids(snapshot):
            return pids(snapshot)
    raise AssertionError("nothing outlived the command")


async def test_a_daemon_stays_in_the_tree_and_is_reaped(daemon: list[str]) -> None:
    with anyio.fail_after(30):
        async with memstat.supervise(
            daemon, interval_s=0.01, subreaper=True, wait_all=True
        ) as running:
            alone = await next_without_command(running)
            await to_thread.run_sync(Path(daemon[-1]).write_text, "end")
    assert len(alone) == 1
    assert running.result.exit_status == 0
    assert running.result.survivors == ()
    assert not alone & children()


async def test_wait_all_waits_for_a_daemon_that_is_not_measured(daemon: list[str]) -> None:
    before = children()

    async def end_daemon(command: int) -> None:
        while not (adopted := children() - before) or command in adopted:
            await anyio.lowlevel.checkpoint()
        await to_thread.run_sync(Path(daemon[-1]).write_text, "end")

    with anyio.fail_after(30):
        async with (
            anyio.create_task_group() as tasks,
            memstat.supervise(
                daemon, interval_s=0.01, subreaper=True, wait_all=True, recursive=False
            ) as running,
        ):
            tasks.start_soon(end_daemon, running.pid)
    assert running.result.survivors == ()
    assert children() == before


async def test_a_daemon_ends_with_the_block_that_fails(daemon: list[str]) -> None:
    with anyio.fail_after(30), pytest.raises(ZeroDivisionError):
        async with memstat.supervise(
            daemon, interval_s=0.01, subreaper=True, wait_all=True
        ) as running:
            alone = await next_without_command(running)
            raise ZeroDivisionError
    assert len(alone) == 1
    assert not psutil.pid_exists(alone.pop())


async def test_without_wait_all_a_daemon_is_reported_and_left_alone(daemon: list[str]) -> None:
    with anyio.fail_after(30):
        async with memstat.supervise(daemon, subreaper=True) as running:
            pass
    (survivor,) = running.result.survivors
    os.kill(survivor.key.pid, 0)
    Path(daemon[-1]).write_text("end")
    os.waitpid(survivor.key.pid, 0)


async def test_children_that_the_host_had_before_stay_its_own(daemon: list[str]) -> None:
    own = subprocess.Popen(["sh", "-c", "read line; exit 7"], stdin=subprocess.PIPE)
    counted = set()
    async with memstat.supervise(daemon, interval_s=0.01, subreaper=True, wait_all=True) as running:
        counted |= await next_without_command(running)
        assert own.stdin is not None
        own.stdin.close()
        os.waitid(os.P_PID, own.pid, os.WEXITED | os.WNOWAIT)
        async for snapshot in running:
            counted |= pids(snapshot)
            if snapshot.tick % 5 == 4:
                break
        await to_thread.run_sync(Path(daemon[-1]).write_text, "end")
    assert own.pid not in counted
    assert own.wait() == 7


async def test_two_supervised_commands_are_no_orphans_of_each_other() -> None:
    async with AsyncExitStack() as stack:
        pair = [
            await stack.enter_async_context(
                memstat.supervise(["sleep", "60"], interval_s=0.01, subreaper=True)
            )
            for _ in range(2)
        ]
        for running in pair:
            async for snapshot in running:
                assert pids(snapshot) == {running.pid}
                if snapshot.tick >= 3:
                    break
        for running in pair:
            running.send_signal(signal.SIGTERM)


async def supervise_until_cancelled(
    *, task_status: anyio.abc.TaskStatus[anyio.CancelScope]
) -> None:
    with anyio.CancelScope() as scope:
        async with memstat.supervise(["sleep", "60"], interval_s=0.01, subreaper=True):
            task_status.started(scope)


async def test_the_end_of_one_supervise_spares_the_other() -> None:
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            first = await tasks.start(supervise_until_cancelled)
            async with memstat.supervise(["sleep", "60"], subreaper=True) as second:
                before = children()
                first.cancel()
                while children() == before:
                    await anyio.lowlevel.checkpoint()
                assert second.pid in children()
                assert is_subreaper()
                assert second.send_signal(signal.SIGUSR1)
    assert second.result.signal == signal.SIGUSR1


async def test_the_subreaper_stays_on_where_it_was_on() -> None:
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        async with memstat.supervise(["true"], subreaper=True):
            pass
        assert is_subreaper()
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


async def test_wait_all_waits_for_a_daemon_that_was_forked_at_the_very_end() -> None:
    before = children()
    for _ in range(10):
        # Most of the last sweeps begin before the daemon is there, and end after the command has.
        async with memstat.supervise(
            ["sh", "-c", "sleep 0.05 &"], interval_s=0.001, subreaper=True, wait_all=True
        ) as running:
            pass
        assert running.result.survivors == ()
        assert children() == before
