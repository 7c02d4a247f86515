"""What is measured of one process, whatever state it is in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import memstat
from memstat import ReadStatus
from memstat.errors import NotAProcess
from tests.targets import (
    AS_NOBODY,
    MAIN_THREAD_GONE,
    MANY_THREADS,
    Target,
    needs_nobody,
    python,
    python_with_packages,
)

pytestmark = pytest.mark.anyio

# Large: a hundredth of it is more than what its PSS changes by when other processes start or end
# between two measurements, with which it shares the pages of the interpreter.
IDLE = "held = bytearray(b'x') * (100 << 20); print('ready'); input()"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def idle(start: Callable[..., Target]) -> Target:
    target = start(*python(IDLE))
    target.line()
    return target


async def measure_one(pid: int) -> memstat.ProcessSample:
    (process,) = (await memstat.measure(pid, recursive=False)).processes
    return process


async def test_psutil_agrees(idle: Target) -> None:
    memory = (await measure_one(idle.pid)).memory
    oracle = psutil.Process(idle.pid).memory_full_info()
    assert memory.pss_bytes == pytest.approx(oracle.pss, rel=0.01)
    assert memory.uss_bytes == pytest.approx(oracle.uss, rel=0.01)
    assert memory.rss_bytes == pytest.approx(oracle.rss, rel=0.01)
    assert memory.swap_pss_bytes is not None
    assert memory.swap_pss_bytes <= oracle.swap


async def test_the_parts_make_the_whole(idle: Target) -> None:
    process = await measure_one(idle.pid)
    memory = process.memory
    assert None not in (memory.pss_anon_bytes, memory.pss_file_bytes, memory.pss_shmem_bytes)
    parts = memory.pss_anon_bytes + memory.pss_file_bytes + memory.pss_shmem_bytes  # type: ignore[operator]
    # The kernel cuts each to whole kB.
    assert memory.pss_bytes == pytest.approx(parts, abs=3 * 1024)
    assert memory.rss_bytes is not None
    assert process.rss_peak_bytes is not None
    assert process.rss_peak_bytes >= memory.rss_bytes > 100 << 20


async def test_a_process_whose_main_thread_has_ended(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> None:
    target = start(str(c_program(MAIN_THREAD_GONE)))
    target.line()
    process = await measure_one(target.pid)
    assert process.status is ReadStatus.MEASURED
    assert process.memory.pss_bytes is not None
    assert process.memory.pss_bytes > 30 << 20
    # It is alive as long as a thread is: a watch goes on.
    async with memstat.watch(target.pid, interval_s=0.01) as watched:
        async for snapshot in watched:
            if snapshot.tick >= 3:
                target.kill()


async def test_a_process_with_many_threads(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> None:
    target = start(str(c_program(MANY_THREADS)))
    target.line()
    snapshot = await memstat.measure(target.pid)
    assert len(snapshot.processes) == 1
    assert snapshot.total.pss_bytes is not None
    assert snapshot.total.pss_bytes > 200 * (64 << 10)


async def test_what_the_memory_of_a_tree_consists_of(start: Callable[..., Target]) -> None:
    hold = IDLE.replace("input()", "import signal; signal.pause()")
    target = start("sh", "-c", '"$0" -uc "$1" & wait', sys.executable, hold)
    target.line()
    mappings = await memstat.measure_mappings(target.pid)
    largest = mappings.groups[0]
    assert largest.kind is memstat.MappingKind.ANONYMOUS
    assert 100 << 20 <= largest.uss_bytes < 120 << 20
    assert (mappings.processes, mappings.complete) == (2, True)
    alone = await memstat.measure_mappings(target.pid, recursive=False)
    assert alone.total.pss_bytes is not None
    assert alone.total.pss_bytes < 10 << 20
    with pytest.raises(memstat.NoSuchProcess):
        await memstat.measure_mappings(4194305)


async def test_a_zombie_has_no_memory(start: Callable[..., Target]) -> None:
    target = start("true")
    os.waitid(os.P_PID, target.pid, os.WEXITED | os.WNOWAIT)
    snapshot = await memstat.measure(target.pid)
    assert [p.status for p in snapshot.processes] == [ReadStatus.NO_MEMORY]
    assert snapshot.total == memstat.Memory()
    assert snapshot.complete


async def test_a_watch_goes_on_through_execve(start: Callable[..., Target]) -> None:
    target = start(*python("import os; print('ready'); input(); os.execvp('cat', ['cat'])"))
    target.line()
    key = None
    async with memstat.watch(target.pid, interval_s=0.01) as watched:
        async for snapshot in watched:
            (process,) = snapshot.processes
            key = key or process.key
            assert process.key == key
            if not target.has_been_sent:
                before = process.memory.pss_bytes
                target.send()
            if process.name == "cat" and process.status is ReadStatus.MEASURED:
                after = process.memory.pss_bytes
                break
    assert before is not None
    assert after is not None
    assert after < before / 2


async def test_a_process_that_executes_itself_all_the_time_stays_watched(
    start: Callable[..., Target], tmp_path: Path
) -> None:
    script = tmp_path / "again"
    script.write_text('#!/bin/sh\nexec "$0"\n')
    script.chmod(0o755)
    # Were the tests killed, it would go on for ever: it never reads, and so never sees their end.
    target = start("setpriv", "--pdeathsig", "KILL", str(script))
    samples = 0
    async with memstat.watch(target.pid, interval_s=0.001) as watched:
        async for _ in watched:
            samples += 1
            if samples == 300:
                break
    assert samples == 300


async def test_a_name_full_of_control_codes(start: Callable[..., Target], tmp_path: Path) -> None:
    program = tmp_path / "\x1b[31m) R 1\n\xe9"
    program.symlink_to("/bin/sleep")
    target = start(str(program), "60")
    process = await measure_one(target.pid)
    assert process.status is ReadStatus.MEASURED
    assert process.name == "\x1b[31m) R 1\n\xe9"
    assert process.ppid == os.getpid()


async def test_bytes_that_are_no_text_in_a_name(
    start: Callable[..., Target], tmp_path: Path
) -> None:
    program = os.fsencode(tmp_path) + b"/\xff\xfe"
    os.symlink("/bin/sleep", program)
    target = start(os.fsdecode(program), "60")
    assert (await measure_one(target.pid)).name == "\\xff\\xfe"


@needs_nobody
async def test_another_users_process_is_denied_and_not_zero(idle: Target) -> None:
    source = (
        "import anyio, memstat\n"
        f"s = anyio.run(memstat.measure, {idle.pid})\n"
        "m = s.processes[0].memory\n"
        "print(s.processes[0].status, s.complete, m.pss_bytes, m.rss_bytes, s.total.pss_bytes)"
    )
    output = subprocess.run(
        [*AS_NOBODY, *python_with_packages(source)], check=True, capture_output=True, text=True
    ).stdout
    status, complete, pss, rss, total = output.split()
    assert (status, complete, pss, total) == ("denied", "False", "None", "None")
    assert int(rss) > 100 << 20


async def test_a_pid_that_no_process_has() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    with pytest.raises(memstat.NoSuchProcess, match=f"no process has PID {gone.pid}"):
        await memstat.measure(gone.pid)


async def test_the_id_of_a_thread(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> None:
    target = start(str(c_program(MANY_THREADS)))
    target.line()
    tid = max(map(int, os.listdir(f"/proc/{target.pid}/task")))
    with pytest.raises(NotAProcess, match=f"measure {target.pid} instead"):
        await memstat.measure(tid)


@needs_root
def test_in_a_pid_namespace_of_its_own() -> None:
    source = (
        "import anyio, memstat, os, subprocess\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "s = anyio.run(memstat.measure, os.getpid())\n"
        "print(os.getpid(), child.pid, [p.key.pid for p in s.processes], s.complete)\n"
        "child.kill()\n"
    )
    command = ["unshare", "--pid", "--fork", "--mount-proc", *python_with_packages(source)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(f"no PID namespaces here: {done.stderr.strip()}")
    assert done.stdout == "1 2 [1, 2] True\n", done.stderr


@needs_root
def test_a_proc_of_another_pid_namespace_is_no_proc() -> None:
    command = [
        "unshare",
        "--pid",
        "--fork",
        *python_with_packages("import memstat.api as a; a._find(1)"),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode and "unshare:" in done.stderr:
        pytest.skip(f"no PID namespaces here: {done.stderr.strip()}")
    assert re.search(r"UnsupportedPlatform: .*PID namespace", done.stderr)
