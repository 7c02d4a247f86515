"""``forwarded`` of the library, on every event loop, with signals to the whole process group."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import pytest

import memstat
from tests.supervision.suspensions import cancelled_after
from tests.targets import Target, children_of, python_with_packages

# Of two signals that are pending, the one with the lower number comes first: SIGXCPU comes last.
COMMAND = """
import os, re, signal
blocked = re.search(r'SigBlk:\\t(.*)', open('/proc/self/status').read())[1]
signals = [signal.SIGTERM, signal.SIGXCPU]
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print(os.getppid(), os.getpid(), blocked)
while (signum := signal.sigwait(signals)) != signal.SIGXCPU:
    print(signum.name)
print('end')
"""
PROGRAM = """
import anyio, memstat, signal, sys
backend, use_uvloop = sys.argv[1].split('/')
options = {'use_uvloop': True} if use_uvloop else {}
async def main():
    async with memstat.supervise(
        [sys.executable, '-u', '-c', sys.argv[2]], forwarded=[signal.SIGTERM, signal.SIGXCPU]
    ):
        pass
anyio.run(main, backend=backend, backend_options=options)
"""
IDENTIFIED_LATE = """
import anyio, sys
from memstat.supervision import child
identify = child._identify
async def identify_late(*arguments):
    await anyio.to_thread.run_sync(sys.stdin.readline)
    return await identify(*arguments)
child._identify = identify_late
"""
"""Put before the program: it does not know the command before a line of input."""
every_loop = pytest.mark.parametrize("loop", ["asyncio/", "asyncio/uvloop", "trio/"])


@every_loop
@pytest.mark.parametrize("to_group", [False, True])
def test_a_signal_comes_once(start: Callable[..., Target], loop: str, *, to_group: bool) -> None:
    host = start(*python_with_packages(PROGRAM), loop, COMMAND, stderr=subprocess.PIPE)
    pid, _, blocked = host.line().split()
    # Nothing that is blocked here is blocked in the command.
    assert int(blocked, 16) == 0
    if to_group:
        os.killpg(host.pid, signal.SIGTERM)
    else:
        os.kill(int(pid), signal.SIGTERM)
    assert host.line() == "SIGTERM"
    os.kill(int(pid), signal.SIGXCPU)
    assert host.line() == "end"
    _, err = host.process.communicate(timeout=60)
    assert (host.process.returncode, err) == (0, b"")


@every_loop
def test_a_signal_to_the_group_comes_once_just_after_the_start(
    start: Callable[..., Target], loop: str
) -> None:
    host = start(*python_with_packages(IDENTIFIED_LATE + PROGRAM), loop, COMMAND)
    pid, _, _ = map(int, host.line().split())
    os.killpg(host.pid, signal.SIGTERM)
    assert host.line() == "SIGTERM"
    host.send()
    os.kill(pid, signal.SIGXCPU)
    assert host.line() == "end"


@every_loop
def test_a_host_stays_in_its_process_group(start: Callable[..., Target], loop: str) -> None:
    shell = ("sh", "-c", '"$@"; exit', "sh")
    host = start(*shell, *python_with_packages(PROGRAM), loop, COMMAND)
    pid, command, _ = map(int, host.line().split())
    assert os.getpgid(pid) == os.getpgid(command) == host.pid


@pytest.mark.anyio
async def test_cancelled_at_any_await_it_leaves_no_process() -> None:
    async def program() -> None:
        async with memstat.supervise(
            ["sleep", "60"], interval_s=60, forwarded=[signal.SIGUSR1]
        ) as running:
            await anext(aiter(running))
            await running.kill()

    before = children_of(os.getpid())
    suspensions = 0
    while await cancelled_after(suspensions, program):
        assert children_of(os.getpid()) == before
        suspensions += 1
    assert suspensions > 10
