"""Trees of real processes, large and fleeting ones."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import anyio
import psutil
import pytest

import memstat
from memstat import ReadStatus
from tests.targets import CROWD, STORM, Target, python, python_with_packages

pytestmark = pytest.mark.anyio

LAST_PID = "/proc/sys/kernel/ns_last_pid"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")

FORKS_FROM_A_THREAD = """
import os, threading, time
child = []
def fork():
    child.append(os.fork())
    if child[0] == 0:
        time.sleep(60)
thread = threading.Thread(target=fork)
thread.start()
while not child:
    time.sleep(0.001)
print(child[0])
time.sleep(60)
"""

# Children of the target and of the test, started and ended over the target's stdin.
FORKS_WHEN_ASKED = """
import os, signal, sys
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.pause()
    print(child)
    sys.stdin.readline()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print('gone')
"""


@pytest.fixture
def crowd(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> Callable[[int], Target]:
    """Start a tree of so many processes of 1 MiB, and the one that they descend from."""

    def start_crowd(size: int) -> Target:
        target = start(str(c_program(CROWD)), str(size))
        target.line()
        return target

    return start_crowd


def tree_of(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def oracle_pss_bytes(pid: int) -> int:
    return sum(process.memory_full_info().pss for process in tree_of(pid))


def oracle_pss_anon_bytes(pid: int) -> int:
    """Add up what nothing outside of a tree has a part in, as pages of the C library would be."""
    return sum(map(pss_anon_bytes, tree_of(pid)))


def pss_anon_bytes(process: psutil.Process) -> int:
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    return int(fields["Pss_Anon"].split()[0]) * 1024


async def test_a_child_of_a_thread_belongs_to_the_tree(start: Callable[..., Target]) -> None:
    target = start(*python(FORKS_FROM_A_THREAD))
    child = int(target.line())
    snapshot = await memstat.measure(target.pid)
    assert [(p.key.pid, p.ppid, p.depth) for p in snapshot.processes] == [
        (target.pid, os.getpid(), 0),
        (child, target.pid, 1),
    ]


async def test_five_hundred_processes(crowd: Callable[[int], Target]) -> None:
    target = crowd(500)
    snapshot = await memstat.measure(target.pid)
    assert len(snapshot.processes) == 501
    assert snapshot.complete
    assert {p.status for p in snapshot.processes} == {ReadStatus.MEASURED}
    assert snapshot.total.pss_bytes == pytest.approx(oracle_pss_bytes(target.pid), rel=0.02)
    assert snapshot.total.pss_anon_bytes == oracle_pss_anon_bytes(target.pid)


async def test_a_watch_of_a_crowd_measures_all_of_it_every_time(
    crowd: Callable[[int], Target],
) -> None:
    target = crowd(300)
    totals = []
    async with memstat.watch(target.pid, interval_s=0.01) as watched:
        async for snapshot in watched:
            assert len(snapshot.processes) == 301
            assert snapshot.complete
            totals.append(snapshot.total.pss_bytes)
            if len(totals) == 5:
                break
    assert totals == [pytest.approx(totals[0], rel=0.01)] * 5


async def test_few_descriptors_are_enough_for_a_hundred_processes(
    crowd: Callable[[int], Target],
) -> None:
    target = crowd(100)
    source = f"""
import anyio, memstat, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
async def main():
    async with memstat.watch({target.pid}, interval_s=0.01) as watched:
        async for s in watched:
            if s.tick >= 3:
                break
    one = await memstat.measure({target.pid})
    for s in (s, one):
        print(len(s.processes), s.complete, {{str(p.status) for p in s.processes}})
anyio.run(main)
"""
    done = await anyio.run_process([*python_with_packages(source)], check=False, stderr=None)
    assert done.returncode == 0
    assert done.stdout.decode() == "101 True {'measured'}\n" * 2


async def test_a_storm_of_short_children(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> None:
    target = start(str(c_program(STORM)), "2000")
    descriptors = len(os.listdir("/proc/self/fd"))
    async with memstat.watch(target.pid, interval_s=0.002) as watched:
        async for snapshot in watched:
            if not target.has_been_sent:
                target.send()
            # Whatever is missing is reported; every measured process has a size.
            gone = [p for p in snapshot.processes if p.status is ReadStatus.GONE]
            assert snapshot.complete == (not gone and not snapshot.torn)
            assert all(
                (p.memory.pss_bytes is None) == (p.status is not ReadStatus.MEASURED)
                for p in snapshot.processes
            )
    assert watched.peak is not None
    assert watched.peak.pss_bytes > 0
    assert target.process.wait() == 0
    # One descriptor more or less is the loop's, which the first use of threads opened.
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1


@pytest.mark.alone("PIDs that have just become free are used again, by whatever starts next")
@pytest.mark.skipif(not os.access(LAST_PID, os.W_OK), reason=f"{LAST_PID} cannot be written")
async def test_a_recycled_pid_is_another_process(start: Callable[..., Target]) -> None:
    target = start(*python(FORKS_WHEN_ASKED))
    target.send()
    child = int(target.line())
    async with memstat.watch(target.pid, interval_s=0.01) as watched:
        snapshots = aiter(watched)
        before = await anext(snapshots)
        assert child in {p.key.pid for p in before.processes}
        # A process is known by its PID and the tick of the kernel's clock that it was started in.
        await anyio.sleep(2 * TICK_S)
        target.send()
        assert target.line() == "gone"
        stranger = take_pid(child)
        try:
            # That the newest PID was given anew shows in the next listing, a second later at most.
            snapshot = await anext(snapshots)
            while len(snapshot.processes) > 1 and snapshot.elapsed_s < before.elapsed_s + 5:
                snapshot = await anext(snapshots)
            assert [p.key.pid for p in snapshot.processes] == [target.pid]
            # Its own tree it is, under another identity.
            other = await memstat.measure(child)
        finally:
            stranger.kill()
            stranger.wait()
    known = {p.key.pid: p.key for p in before.processes}
    assert other.processes[0].key.pid == child
    assert other.processes[0].key != known[child]


def take_pid(pid: int) -> subprocess.Popen[bytes]:
    """Start a process with a PID that was used before."""
    for _ in range(100):
        with open(LAST_PID, "w") as file:
            file.write(str(pid - 1))
        stranger = subprocess.Popen(["sleep", "60"])
        if stranger.pid == pid:
            return stranger
        stranger.kill()
        stranger.wait()
    pytest.skip("others took the PID first")


async def test_what_two_targets_share_is_counted_once(crowd: Callable[[int], Target]) -> None:
    target = crowd(3)
    child = psutil.Process(target.pid).children()[1].pid
    async with memstat.watch(target.pid, child) as watched:
        snapshot = await anext(aiter(watched))
    assert len(snapshot.processes) == 4
    assert snapshot.total.pss_anon_bytes == oracle_pss_anon_bytes(target.pid)


async def test_excluded_processes_and_their_children_do_not_count(
    crowd: Callable[[int], Target],
) -> None:
    target = crowd(3)
    async with memstat.watch(os.getpid(), excluded=[target.pid]) as watched:
        snapshot = await anext(aiter(watched))
    assert [p.key.pid for p in snapshot.processes] == [os.getpid()]
