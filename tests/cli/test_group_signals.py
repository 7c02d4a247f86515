"""A signal reaches the command once, whatever it was sent to and whatever sent it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.cli.harness import open_on_terminal, read_to_end, read_until
from tests.targets import Target, memstat_path, python

SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1]

# Signals are dealt with in turn: one that is sent to memstat alone at the end comes last.
END = signal.SIGUSR2
COUNTING = python(f"""
import os, signal, sys
signals = {[*map(int, [*SIGNALS, END])]}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print(os.getppid(), os.getpid())
if sys.argv[1:] == ['kill 0']:
    signal.sigwait([{int(END)}])
    os.kill(0, signal.SIGTERM)
while (signum := signal.sigwait(signals)) != {int(END)}:
    print(signal.Signals(signum).name)
print('end')
""")

Run = Callable[..., tuple[Target, int, int]]


@pytest.fixture
def run(start: Callable[..., Target], start_preloaded: Callable[..., Target]) -> Run:
    """Start a command in a session of its own; return it, memstat's PID and the command's."""

    def run_counting(
        *before: str, options: tuple[str, ...] = (), after: tuple[str, ...] = COUNTING
    ) -> tuple[Target, int, int]:
        begin = partial(start, *before, memstat_path()) if before else start_preloaded
        running = begin("run", *options, "--", *after, stderr=subprocess.PIPE)
        memstat, command = map(int, running.line().split())
        wait_until_known(memstat, command)
        return running, memstat, command

    return run_counting


def wait_until_known(memstat: int, command: int) -> None:
    """Wait until memstat has taken note of its command.

    Of what came to the group before, it cannot know whether that reached the command.
    """
    # asyncio has one of its own from 3.12 on, and before memstat.
    wanted = 1 if sys.version_info < (3, 12) else 2
    while count_pidfds(memstat, command) < wanted:
        os.sched_yield()


def count_pidfds(holder: int, pid: int) -> int:
    infos = Path(f"/proc/{holder}/fdinfo").iterdir()
    return sum(f"Pid:\t{pid}\n" in read_if_there(info) for info in infos)


def read_if_there(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_text()
    return ""


def lines_until_end(running: Target) -> list[str]:
    lines = []
    while (line := running.line()) != "end":
        lines.append(line)
    return lines


def bystanders(memstat: int, command: int) -> list[int]:
    """Return the other children of memstat, whichever of its threads started them."""
    files = Path(f"/proc/{memstat}/task").glob("*/children")
    children = [int(pid) for file in files for pid in file.read_text().split()]
    return [pid for pid in children if pid != command]


def wait_for_another(memstat: int, command: int, before: list[int]) -> None:
    """Wait until memstat has dealt with a signal to the group for good."""
    while not (now := bystanders(memstat, command)) or not set(now).isdisjoint(before):
        os.sched_yield()


# A shell that lives on, as that of a script: it is the leader of the group, memstat leaves that.
IN_SHELL = ("sh", "-c", 'trap : TERM HUP INT QUIT USR1; "$@"; exit', "sh")
every_topology = pytest.mark.parametrize(
    "before", [(), IN_SHELL, ("nice",)], ids=["session leader", "in a shell", "exec"]
)


@every_topology
@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_to_the_group_comes_once(
    run: Run, before: tuple[str, ...], signum: signal.Signals
) -> None:
    running, memstat, _ = run(*before)
    os.killpg(running.pid, signum)
    assert running.line() == signum.name
    os.kill(memstat, END)
    assert lines_until_end(running) == []


@every_topology
@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_to_memstat_alone_comes_once(
    run: Run, before: tuple[str, ...], signum: signal.Signals
) -> None:
    running, memstat, _ = run(*before)
    os.kill(memstat, signum)
    assert running.line() == signum.name
    os.kill(memstat, END)
    assert lines_until_end(running) == []


@every_topology
def test_a_signal_to_the_group_hides_no_later_one(run: Run, before: tuple[str, ...]) -> None:
    running, memstat, command = run(*before)
    for _ in range(3):
        standing = bystanders(memstat, command)
        os.killpg(running.pid, signal.SIGTERM)
        assert running.line() == "SIGTERM"
        wait_for_another(memstat, command, standing)
        os.kill(memstat, signal.SIGTERM)
        assert running.line() == "SIGTERM"
    os.kill(memstat, END)
    assert lines_until_end(running) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_timeout_signals_its_child_and_the_group(run: Run, signum: signal.Signals) -> None:
    # It does so with every signal that it receives, as after its time.
    running, memstat, _ = run("timeout", "1000")
    os.kill(running.pid, signum)
    assert running.line() == signum.name
    os.kill(memstat, END)
    assert lines_until_end(running) == []


@every_topology
def test_kill_0_in_the_command(run: Run, before: tuple[str, ...]) -> None:
    running, memstat, command = run(*before, after=(*COUNTING, "kill 0"))
    os.kill(command, END)
    assert running.line() == "SIGTERM"
    os.kill(memstat, END)
    assert lines_until_end(running) == []


def test_a_control_group_is_signalled_one_by_one(run: Run) -> None:
    running, memstat, command = run()
    # Stopped meanwhile: this process may take longer than any manager of control groups.
    os.kill(memstat, signal.SIGSTOP)
    for pid in sorted([memstat, command, *bystanders(memstat, command)]):
        os.kill(pid, signal.SIGTERM)
    os.kill(memstat, signal.SIGCONT)
    assert running.line() == "SIGTERM"
    os.kill(memstat, END)
    assert lines_until_end(running) == []


def test_make_leaves_ctrl_c_to_the_group(start: Callable[..., Target], tmp_path: Path) -> None:
    program = tmp_path / "counting.py"
    program.write_text(COUNTING[-1])
    makefile = tmp_path / "Makefile"
    command = f"{memstat_path()} run -- {' '.join(COUNTING[:2])} {program}"
    makefile.write_text(f"all:\n\t@{command}; true\n")
    running = start("make", "-f", str(makefile), stderr=subprocess.PIPE)
    memstat = int(running.line().split()[0])
    os.killpg(running.pid, signal.SIGINT)
    assert running.line() == "SIGINT"
    os.kill(memstat, END)
    assert lines_until_end(running) == []


def test_a_command_in_a_group_of_its_own_gets_what_memstat_gets(run: Run) -> None:
    running, memstat, _ = run(after=("setsid", *COUNTING))
    os.killpg(running.pid, signal.SIGTERM)
    assert running.line() == "SIGTERM"
    os.kill(memstat, END)
    assert lines_until_end(running) == []


def test_a_parent_in_the_same_group_signals_memstat_alone() -> None:
    with subprocess.Popen(
        [memstat_path(), "run", "--no-peak", "--", *COUNTING], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        for signum in SIGNALS:
            running.send_signal(signum)
            assert running.stdout.readline().strip() == signum.name
        running.send_signal(END)
        assert running.stdout.read() == "end\n"
    assert running.returncode == 0


def test_memstat_survives_sigkill_to_the_group_that_it_left(run: Run) -> None:
    running, memstat, command = run(*IN_SHELL, options=("-v",))
    standing = bystanders(memstat, command)
    # Once it has taken note of one signal, it has left the group.
    os.killpg(running.pid, signal.SIGUSR1)
    wait_for_another(memstat, command, standing)
    os.killpg(running.pid, signal.SIGKILL)
    _, err = running.process.communicate(timeout=60)
    assert running.process.returncode == -signal.SIGKILL
    assert b"Process was killed by signal SIGKILL\nPeak:" in err


def test_a_runner_that_ends_the_group_sees_both_end_by_its_signal(run: Run) -> None:
    running, _, _ = run(after=python("import os; print(os.getppid(), os.getpid()); input()"))
    os.killpg(running.pid, signal.SIGTERM)
    assert running.process.wait(timeout=60) == -signal.SIGTERM


def test_memstat_outside_the_group_ends_by_its_signal_too(start: Callable[..., Target]) -> None:
    script = 'trap : TERM; "$@"; echo status $?'
    names_both = python("import os; print(os.getppid(), os.getpid()); input()")
    running = start("sh", "-c", script, "sh", memstat_path(), "run", "--no-peak", "--", *names_both)
    running.line()
    os.killpg(running.pid, signal.SIGTERM)
    assert running.line() == "status 143"


def test_kill_after_counts_from_a_signal_to_the_group(run: Run) -> None:
    for before in ((), IN_SHELL):
        running, _, command = run(*before, options=("--kill-after=0.1",))
        pidfd = os.pidfd_open(command)
        os.killpg(running.pid, signal.SIGTERM)
        assert running.line() == "SIGTERM"
        running.process.wait(timeout=60)
        os.close(pidfd)


@pytest.mark.parametrize(("policy", "passed_on"), [("all", ["SIGTERM"]), ("none", [])])
def test_the_caller_may_decide(run: Run, policy: str, passed_on: list[str]) -> None:
    running, memstat, command = run(options=("--forward", policy))
    assert bystanders(memstat, command) == []
    os.kill(memstat, signal.SIGTERM)
    assert [running.line() for _ in passed_on] == passed_on
    os.kill(command, END)
    assert lines_until_end(running) == []


def test_kill_reaches_the_command_in_the_foreground_of_a_terminal_too() -> None:
    command = [memstat_path(), "run", "--no-peak", "--", *COUNTING]
    with open_on_terminal(command) as (process, near):
        memstat, _ = map(int, read_until(near, b"\n").split())
        # Two by a program, however close: each is passed on, and neither kills.
        for _ in range(2):
            os.kill(memstat, signal.SIGINT)
            read_until(near, b"SIGINT\r\n")
        os.write(near, b"\x03")
        read_until(near, b"SIGINT\r\n")
        os.kill(memstat, END)
        assert read_to_end(near) == b"end\r\n"
        assert process.wait(timeout=60) == 0


def test_the_process_that_watches_the_group_is_no_part_of_the_tree(run: Run) -> None:
    running, memstat, command = run(options=("-r", "-v"))
    assert len(bystanders(memstat, command)) == 1
    os.kill(memstat, END)
    lines_until_end(running)
    _, err = running.process.communicate(timeout=60)
    assert b"(cat)" not in err


def test_it_ends_with_memstat(run: Run) -> None:
    _, memstat, command = run()
    (bystander,) = bystanders(memstat, command)
    pidfd = os.pidfd_open(bystander)
    os.kill(memstat, signal.SIGKILL)
    assert select.select([pidfd], [], [], 60)[0]
    os.close(pidfd)
    os.kill(command, signal.SIGKILL)
