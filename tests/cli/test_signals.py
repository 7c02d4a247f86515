"""Signals to ``memstat run`` and to what it runs."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.cli.harness import open_preloaded_on_terminal, read_to_end, read_until, wait_for
from tests.preloaded import memstat
from tests.targets import AS_NOBODY, Target, memstat_path, python

SIGNALS = [
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
]
DEADLY = [signum for signum in SIGNALS if signum != signal.SIGWINCH]

# Blocked and waited for, since a handler may run between a check and a pause.
CATCHES_ONE = python(f"""
import signal
signals = {[*map(int, SIGNALS)]}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print('ready')
print(int(signal.sigwait(signals)))
raise SystemExit(7)
""")
WAITS = python("import signal; print('ready'); signal.pause()")
NAMES_ITSELF = python("import os, signal; print(os.getpid()); signal.pause()")
STUBBORN_FAMILY = python(f"""
import os, signal
signals = {[*map(int, SIGNALS)]}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
child = os.fork()
if child:
    print(os.getpid(), child)
while signal.sigwait(signals):
    print('heard')
""")


@pytest.fixture
def run(start_preloaded: Callable[..., Target]) -> Callable[..., Target]:
    return lambda *arguments: start_preloaded("run", *arguments, stderr=subprocess.PIPE)


def finish(running: Target) -> tuple[int, str, str]:
    out, err = running.process.communicate(timeout=60)
    return running.process.returncode, out.decode(), err.decode()


def wait_for_sample(running: Target) -> None:
    """Wait until a run with ``-v`` has printed a sample of its command.

    A signal may end the command before there is any, even when it has printed something: it starts
    at the same time as the first sample.
    """
    assert running.process.stderr is not None
    line = b""
    while not line.startswith(b"Total: "):
        line = running.process.stderr.readline()
        assert line


def assert_ended(pidfd: int) -> None:
    """A pidfd is readable when its process has ended."""
    assert select.select([pidfd], [], [], 60)[0]
    os.close(pidfd)


@pytest.mark.parametrize("signum", SIGNALS)
@pytest.mark.parametrize("options", ["-v", "-rv"])
def test_a_signal_reaches_the_command_whose_status_counts(
    run: Callable[..., Target], signum: signal.Signals, options: str
) -> None:
    running = run(options, "--", *CATCHES_ONE)
    assert running.line() == "ready"
    wait_for_sample(running)
    running.process.send_signal(signum)
    status, out, err = finish(running)
    assert (status, out) == (7, f"{signum}\n")
    assert re.search(
        r"^Process exited with code 7\nPeak:\n\[\d+\] ~?\d+ kB \(python.*\)\nTotal: ~?[1-9]\d* kB\n"
        r"(memstat: .*\n)*\Z",
        err,
        re.MULTILINE,
    )


@pytest.mark.parametrize("signum", DEADLY)
def test_memstat_ends_by_the_signal_of_its_command_after_printing_the_peak(
    run: Callable[..., Target], signum: signal.Signals
) -> None:
    running = run("-v", "--", *WAITS)
    assert running.line() == "ready"
    wait_for_sample(running)
    running.process.send_signal(signum)
    status, _, err = finish(running)
    assert status == -signum
    assert f"Process was killed by signal {signum.name}\nPeak:\n" in err


def test_memstat_survives_a_signal_that_the_command_sent_itself() -> None:
    assert memstat("run", "--", "sh", "-c", "kill -TERM $$").returncode == 143


def test_a_signal_that_was_ignored_before_stays_so(start: Callable[..., Target]) -> None:
    # As under nohup: the command ignores it as well, so nothing would take it.
    running = start(
        *("env", "--ignore-signal=HUP", memstat_path(), "run", "--no-peak", "--"),
        *python("print('ready'); print(input())"),
    )
    assert running.line() == "ready"
    running.process.send_signal(signal.SIGHUP)
    running.send("alive")
    assert running.line() == "alive"
    assert running.process.wait(timeout=60) == 0


def test_a_command_that_ignores_sigterm_is_killed_with_its_tree(run: Callable[..., Target]) -> None:
    for options in ("-v", "-rv"):
        running = run(options, "--kill-after", "0.2", "--", *STUBBORN_FAMILY)
        pidfds = [os.pidfd_open(int(pid)) for pid in running.line().split()]
        wait_for_sample(running)
        running.process.send_signal(signal.SIGTERM)
        assert running.line() == "heard"
        status, _, err = finish(running)
        assert status == 128 + signal.SIGKILL
        assert "Peak:\n" in err
        for pidfd in pidfds:
            assert_ended(pidfd)


def test_a_command_that_heeds_sigterm_is_not_waited_for_longer(run: Callable[..., Target]) -> None:
    running = run("--kill-after", "1000", "--", *CATCHES_ONE)
    assert running.line() == "ready"
    running.process.send_signal(signal.SIGTERM)
    assert finish(running)[0] == 7


@pytest.mark.parametrize("options", [[], ["-r"]])
def test_ctrl_c_twice_kills_the_tree(options: list[str]) -> None:
    with open_preloaded_on_terminal("run", *options, "--", *STUBBORN_FAMILY) as (process, near):
        pids = read_until(near, b"\n").split()
        pidfds = [os.pidfd_open(int(pid)) for pid in pids]
        os.write(near, b"\x03")
        shown = read_until(near, b"heard")
        os.write(near, b"\x03")
        # Had both come as one to memstat, another one is needed.
        while not select.select([pidfds[0]], [], [], 1.0)[0]:
            os.write(near, b"\x03")
        shown += read_to_end(near)
        assert process.wait(timeout=60) == 128 + signal.SIGKILL
    for pidfd in pidfds:
        assert_ended(pidfd)
    assert b"Traceback" not in shown
    assert b"Peak" in shown


def test_ctrl_c_on_a_terminal_comes_once() -> None:
    counting = python("""
import signal
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
input('ready')
print('times', len(heard))
""")
    with open_preloaded_on_terminal("run", "--no-peak", "--", *counting) as (process, near):
        read_until(near, b"ready")
        os.write(near, b"\x03")
        read_until(near, b"^C")
        os.write(near, b"\n")
        assert b"times 1" in read_to_end(near)
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(("key", "signum"), [(b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)])
def test_a_key_of_the_terminal_ends_both(key: bytes, signum: signal.Signals) -> None:
    with open_preloaded_on_terminal("run", "-r", "--", *WAITS) as (process, near):
        read_until(near, b"ready")
        os.write(near, key)
        shown = read_to_end(near)
        assert process.wait(timeout=60) == -signum
    assert b"Peak" in shown


def test_a_terminal_that_hangs_up_ends_both() -> None:
    with open_preloaded_on_terminal("run", "-r", "--", *NAMES_ITSELF) as (process, near):
        pidfd = os.pidfd_open(int(read_until(near, b"\n")))
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), near)
        assert_ended(pidfd)
        assert process.wait(timeout=60) == -signal.SIGHUP


@pytest.mark.parametrize("options", [[], ["-r"]])
def test_a_command_that_is_killed_is_reported_as_such(
    run: Callable[..., Target], options: list[str]
) -> None:
    running = run(*options, "-v", "--", *NAMES_ITSELF)
    os.kill(int(running.line()), signal.SIGKILL)
    status, _, err = finish(running)
    assert status == 128 + signal.SIGKILL
    # The kill may come before the first sample.
    assert "Process was killed by signal SIGKILL\nPeak:" in err


def test_a_grandchild_that_is_killed_is_left_to_the_command(run: Callable[..., Target]) -> None:
    running = run("-rv", "--", "sh", "-c", "sleep 60 & echo $!; wait $!; exit $(($? - 100))")
    os.kill(int(running.line()), signal.SIGKILL)
    status, _, err = finish(running)
    assert status == 37
    assert "Process exited with code 37\n" in err
    assert "Traceback" not in err


def test_no_core_of_memstat_itself(start: Callable[..., Target]) -> None:
    running = start(memstat_path(), "run", "--", *WAITS)
    assert running.line() == "ready"
    running.process.send_signal(signal.SIGQUIT)
    _, wait_status = os.waitpid(running.pid, 0)
    running.process.returncode = -os.WTERMSIG(wait_status)
    assert os.WTERMSIG(wait_status) == signal.SIGQUIT
    assert not os.WCOREDUMP(wait_status)


def test_the_descendants_that_wait_all_waits_for_get_the_signal(run: Callable[..., Target]) -> None:
    family = python("""
import os, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
command = os.getpid()
if os.fork():
    os._exit(4)
while os.getppid() == command:
    time.sleep(0.001)
print(os.getpid())
signal.sigwait([signal.SIGTERM])
print('heard')
""")
    running = run("-r", "--wait-all", "--kill-after", "1000", "--", *family)
    pidfd = os.pidfd_open(int(running.line()))
    running.process.send_signal(signal.SIGTERM)
    assert running.line() == "heard"
    assert_ended(pidfd)
    assert finish(running)[0] == 4


def test_a_second_signal_gets_through_when_nothing_reads_the_output(
    start_preloaded: Callable[..., Target],
) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe:
        room = fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writing, b"x" * room)
        names_itself = python("import os; print(os.getpid()); input()")
        running = start_preloaded("run", "-v", "--", *names_itself, stderr=writing)
        os.close(writing)
        pidfd = os.pidfd_open(int(running.line()))
        running.send()
        assert_ended(pidfd)
        while (status := wait_for(running.process, 0.2)) is None:
            running.process.send_signal(signal.SIGTERM)
        assert status == -signal.SIGTERM
        assert pipe.read() == b"x" * room


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a command as another user")
def test_a_command_that_may_not_be_signalled_is_reported_and_left(
    start: Callable[..., Target],
) -> None:
    without_kill = ("setpriv", "--bounding-set=-kill", "--inh-caps=-kill")
    as_nobody = " ".join(AS_NOBODY)
    running = start(
        *(*without_kill, memstat_path(), "run", "-r", "--kill-after=0.2", "--"),
        *("sh", "-c", f"sleep 600 >&- 2>&- & echo $$ $!; exec {as_nobody} sleep 600 >&- 2>&-"),
        stderr=subprocess.PIPE,
    )
    command, other = map(int, running.line().split())
    # As long as it is a shell of the same user, it may be signalled.
    wait_until_owned_by_nobody(command)
    other_pidfd = os.pidfd_open(other)
    assert running.process.stderr is not None
    running.process.send_signal(signal.SIGTERM)
    refused = running.process.stderr.readline().decode()
    assert refused.startswith(f"memstat: SIGTERM could not be passed on: process {command} ")
    # What may be signalled is killed all the same.
    assert_ended(other_pidfd)
    running.process.send_signal(signal.SIGTERM)
    status, _, err = finish(running)
    os.kill(command, signal.SIGKILL)
    assert status == -signal.SIGTERM
    assert err == f"memstat: process {command} is left running: this user may not signal it\n"


def wait_until_owned_by_nobody(pid: int) -> None:
    while os.stat(f"/proc/{pid}").st_uid != 65534:
        os.sched_yield()
