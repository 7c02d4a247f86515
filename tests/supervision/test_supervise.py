"""A command under supervision: how it ends, and how it is ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import anyio
import psutil
import pytest
from anyio import to_thread

import memstat
from memstat.model import ProcessKey
from memstat.proc.linux import LinuxProcSource
from memstat.proc.signals import is_alive
from memstat.supervision.termination import TreeTermination
from tests.targets import AS_NOBODY, children_of, needs_nobody, python, python_with_packages

pytestmark = pytest.mark.anyio

# Parent and child print when they are ready and that SIGTERM came; then they end, but with "stay".
REPORTS_SIGTERM = """
import os, signal, sys
me = 'child' if os.fork() == 0 else 'parent'
def report(*_):
    os.write(1, f'{me} got SIGTERM\\n'.encode())
    if sys.argv[1] != 'stay':
        os._exit(0)
signal.signal(signal.SIGTERM, report)
os.write(1, b'ready\\n')
while True:
    signal.pause()
"""
BOTH_GOT_SIGTERM = ["child got SIGTERM\n", "parent got SIGTERM\n"]


class Output:
    """What a command wrote to its stdout."""

    def __init__(self) -> None:
        read, self.stdout = os.pipe()
        self._lines = os.fdopen(read)

    async def both_ready(self) -> None:
        for _ in range(2):
            assert await to_thread.run_sync(self._lines.readline) == "ready\n"

    def rest(self) -> list[str]:
        """Return the other lines; waits for the end of all that could write more."""
        os.close(self.stdout)
        with self._lines:
            return sorted(self._lines)


def reports_sigterm(manner: str) -> list[str]:
    return [*python(REPORTS_SIGTERM), manner]


def _alive(snapshot: memstat.Snapshot) -> list[int]:
    return [p.key.pid for p in snapshot.processes if is_alive(LinuxProcSource(), p.key)]


async def alive(snapshot: memstat.Snapshot) -> list[int]:
    """Return which are alive; a zombie that waits for init is not."""
    return await to_thread.run_sync(_alive, snapshot)


async def snapshot_of_both(running: memstat.Supervised) -> memstat.Snapshot:
    async for snapshot in running:
        if len(snapshot.processes) == 2:
            return snapshot
    raise AssertionError("it ended")


@pytest.mark.parametrize("code", [0, 1, 3, 255])
async def test_an_exit_code(code: int) -> None:
    async with memstat.supervise(["sh", "-c", f"exit {code}"]) as running:
        pass
    result = running.result
    assert (result.exit_code, result.signal, result.exit_status) == (code, None, code)
    assert result.command == ("sh", "-c", f"exit {code}")


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
async def test_death_by_a_signal(signum: int) -> None:
    async with memstat.supervise(["sh", "-c", f"kill -{signum:d} $$"]) as running:
        pass
    result = running.result
    assert (result.exit_code, result.signal, result.exit_status) == (None, signum, 128 + signum)


async def test_a_signal_is_sent_to_the_command() -> None:
    async with memstat.supervise(["sleep", "60"]) as running:
        assert running.send_signal(signal.SIGUSR1)
        assert (await running.wait()).signal == signal.SIGUSR1
        assert not running.send_signal(signal.SIGUSR1)
    assert running.result.signal == signal.SIGUSR1


async def test_there_is_no_result_before_the_end() -> None:
    async with memstat.supervise(["sleep", "60"]) as running:
        with pytest.raises(RuntimeError, match="has not ended yet"):
            _ = running.result
        running.send_signal(signal.SIGTERM)
    assert running.result.duration_s > 0


async def test_the_block_ends_with_the_command_and_has_its_peak() -> None:
    source = "held = bytearray(b'x') * (40 << 20); import time; time.sleep(1)"
    async with memstat.supervise(python(source), interval_s=0.02) as running:
        async for _ in running:
            pass
    result = running.result
    assert result.peak is not None
    assert result.peak.pss_bytes > 40 << 20
    assert result.last == running.latest
    assert result.stats.samples >= 1
    assert result.survivors == ()


async def test_an_exception_ends_the_whole_tree_kindly() -> None:
    output = Output()
    with pytest.raises(ZeroDivisionError):
        async with memstat.supervise(
            reports_sigterm("go"), stdout=output.stdout, interval_s=0.01, grace_s=60
        ) as running:
            await output.both_ready()
            both = await snapshot_of_both(running)
            raise ZeroDivisionError
    assert await alive(both) == []
    assert output.rest() == BOTH_GOT_SIGTERM


async def test_a_command_that_ignores_sigterm_is_killed_after_the_grace() -> None:
    output = Output()
    with pytest.raises(ZeroDivisionError):
        async with memstat.supervise(
            reports_sigterm("stay"), stdout=output.stdout, interval_s=0.01, grace_s=0.5
        ) as running:
            await output.both_ready()
            both = await snapshot_of_both(running)
            began_s = anyio.current_time()
            raise ZeroDivisionError
    assert anyio.current_time() - began_s >= 0.5
    assert await alive(both) == []
    assert output.rest() == BOTH_GOT_SIGTERM


async def test_a_stopped_command_ends_too() -> None:
    with pytest.raises(ZeroDivisionError):
        async with memstat.supervise(["sleep", "60"], grace_s=60) as running:
            running.send_signal(signal.SIGSTOP)
            raise ZeroDivisionError
    assert running.pid not in psutil.pids()


async def test_a_cancelled_block_ends_the_tree() -> None:
    output = Output()
    with anyio.CancelScope() as scope:
        async with memstat.supervise(
            reports_sigterm("go"), stdout=output.stdout, interval_s=0.01, grace_s=60
        ) as running:
            await output.both_ready()
            both = await snapshot_of_both(running)
            scope.cancel()
    assert scope.cancelled_caught
    assert output.rest() == BOTH_GOT_SIGTERM
    assert await alive(both) == []


async def test_a_deadline_ends_a_run() -> None:
    before = children_of(os.getpid())
    with pytest.raises(TimeoutError), anyio.fail_after(0.2):
        await memstat.run(["sleep", "60"])
    assert children_of(os.getpid()) == before


async def test_the_tree_can_be_killed_while_it_is_sampled() -> None:
    nine = "for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; wait"
    async with memstat.supervise(["sh", "-c", nine], interval_s=0.001) as running:
        async for snapshot in running:
            if len(snapshot.processes) == 10:
                whole = snapshot
                break
        await running.kill()
    assert running.result.signal == signal.SIGKILL
    assert await alive(whole) == []


async def test_a_descendant_that_lives_on_is_reported_and_left_alone() -> None:
    source = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid); input()"
    read, write = os.pipe()
    async with memstat.supervise(python(source), stdin=read, interval_s=0.01) as running:
        await snapshot_of_both(running)
        os.write(write, b"go\n")
    os.close(read)
    os.close(write)
    (survivor,) = running.result.survivors
    assert survivor.name == "sleep"
    os.kill(survivor.key.pid, signal.SIGKILL)


async def test_a_watch_of_a_supervised_command_sees_the_same_process() -> None:
    async with memstat.supervise(["sleep", "60"], interval_s=0.01) as running:
        supervised = await anext(aiter(running))
        async with memstat.watch(running.pid) as watched:
            seen = await anext(aiter(watched))
        running.send_signal(signal.SIGTERM)
    assert [p.key for p in seen.processes] == [p.key for p in supervised.processes]


async def test_commands_side_by_side() -> None:
    results: dict[int, memstat.RunResult] = {}

    async def run(code: int) -> None:
        results[code] = await memstat.run(["sh", "-c", f"sleep 0.2; exit {code}"])

    async with anyio.create_task_group() as tasks:
        for code in range(5):
            tasks.start_soon(run, code)
    assert {code: result.exit_code for code, result in results.items()} == {c: c for c in range(5)}


SETUID = r"""
#include <stdio.h>
#include <unistd.h>
int main(void) {
    setuid(0);
    puts("ready");
    fflush(stdout);
    sleep(600);
}
"""


@needs_nobody
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_command_that_may_not_be_killed_does_not_hold_us(
    backend: str, c_program: Callable[[str], Path]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        program = shutil.copy(c_program(SETUID), name)
        os.chmod(program, 0o4755)
        source = f"""
import anyio, memstat, os, subprocess
read, write = os.pipe()
async def main():
    async with memstat.supervise(
        [{program!r}], stdout=write, stderr=subprocess.DEVNULL, grace_s=0.1
    ) as running:
        assert os.read(read, 6) == b'ready\\n'
        print(running.pid)
        raise ZeroDivisionError
anyio.run(main, backend={backend!r})
"""
        done = subprocess.run(
            [*AS_NOBODY, *python_with_packages(source)], capture_output=True, text=True, check=False
        )
        # It lives on, so it was not waited for to the end.
        os.kill(int(done.stdout), signal.SIGKILL)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_descriptor_left_is_no_reason_to_leave_the_command_running(backend: str) -> None:
    source = f"""
import anyio, ctypes, memstat, os, resource
# What the C library loads when a thread ends, for which there is no descriptor later.
ctypes.CDLL('libgcc_s.so.1')
async def main():
    async with memstat.supervise(['sleep', '600'], interval_s=60) as running:
        await anext(aiter(running))
        print(running.pid)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 20000))
        raise ZeroDivisionError
anyio.run(main, backend={backend!r})
"""
    done = subprocess.run(python_with_packages(source), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert int(done.stdout) not in psutil.pids()
    assert done.stderr.splitlines()[-1].startswith("memstat.errors.TooManyDescriptors")


async def test_what_is_being_killed_has_ended_once_that_is_settled() -> None:
    source = await to_thread.run_sync(LinuxProcSource)
    with subprocess.Popen(["sleep", "60"]) as target:
        identity = await to_thread.run_sync(source.identify, target.pid)
        assert identity is not None
        looked_up: list[ProcessKey] = []

        def find() -> list[ProcessKey]:
            looked_up.append(identity.key)
            return looked_up[-1:]

        termination = TreeTermination(source, find)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(termination.kill)
            # It is under way: trio runs tasks in any order.
            while not looked_up:
                await anyio.lowlevel.checkpoint()
            await termination.settled()
            assert not await to_thread.run_sync(is_alive, source, identity.key)
