"""Which processes belong to the tree, whatever becomes of their parents."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import anyio
import pytest
from anyio import to_thread

import memstat
from tests.targets import Target, python

pytestmark = pytest.mark.anyio

LEAVES_AN_ORPHAN = """
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)   # no child ever becomes a zombie
if os.fork() == 0:
    orphan = os.fork()
    if orphan == 0:
        signal.pause()
    print(os.getpid(), orphan)
    input()
    os._exit(0)
signal.pause()
"""


@pytest.fixture
def parent_and_orphan(start: Callable[..., Target]) -> tuple[Target, int, int]:
    """A process that ends without a trace on request, and its child that lives on."""
    target = start(*python(LEAVES_AN_ORPHAN))
    parent, orphan = map(int, target.line().split())
    return target, parent, orphan


async def test_a_watch_ends_with_its_target_though_its_children_live_on(
    parent_and_orphan: tuple[Target, int, int],
) -> None:
    target, parent, orphan = parent_and_orphan
    with anyio.fail_after(30):
        async with memstat.watch(parent, interval_s=0.01) as watched:
            async for _ in watched:
                if not target.has_been_sent:
                    target.send()
    os.kill(orphan, 0)


async def test_an_orphan_still_counts(
    parent_and_orphan: tuple[Target, int, int], start: Callable[..., Target]
) -> None:
    target, parent, orphan = parent_and_orphan
    other = start("sleep", "60")
    with anyio.fail_after(30):
        # The other target keeps the watch going.
        async with memstat.watch(parent, other.pid, interval_s=0.01) as watched:
            async for snapshot in watched:
                if not target.has_been_sent:
                    target.send()
                found = {p.key.pid: p for p in snapshot.processes}
                if parent not in found:
                    break
    assert found[orphan].depth == 1
    assert found[other.pid].depth == 0
    assert found[orphan].status is memstat.ReadStatus.MEASURED


LEAVES_ANOTHER_PROGRAM = """
(
    sleep 60 &
    echo $!
    read -r line
)
echo left
read -r line
"""


async def test_what_has_lost_its_parent_has_another(start: Callable[..., Target]) -> None:
    target = start("sh", "-c", LEAVES_ANOTHER_PROGRAM)
    orphan = int(target.line())
    left_s: float | None = None
    async with memstat.watch(target.pid, interval_s=0.01) as watched:
        async for snapshot in watched:
            (sample,) = (p for p in snapshot.processes if p.key.pid == orphan)
            # Not tick 0: a slow reader may miss it.
            if left_s is None:
                former = sample.ppid
                assert former not in (None, target.pid)
                target.send()
                assert await to_thread.run_sync(target.line) == "left"
                left_s = snapshot.elapsed_s
            elif snapshot.elapsed_s > left_s + 5 or sample.ppid != former:
                break
    assert sample.ppid != former
    os.kill(orphan, signal.SIGKILL)
