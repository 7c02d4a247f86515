"""A sidecar ends with its host, however that ends, and belongs to it alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from memstat import SidecarError, sidecar
from memstat.sidecars.launch import NAME
from tests.sidecars.held import LONG_S, end_of
from tests.targets import Target, python_with_packages


def host(source: str) -> tuple[str, ...]:
    """Return a program with a sidecar ``s``, in a block that only ``source`` may leave."""
    head = """
        import ctypes, os, signal, subprocess, sys, threading
        import memstat
        libc = ctypes.CDLL(None)
        block = memstat.sidecar(interval_s=0.01)
        s = block.__enter__()
        print(s.pid, flush=True)
        input()
    """
    return python_with_packages(textwrap.dedent(head) + textwrap.dedent(source))


@pytest.mark.parametrize(
    "ending",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(0)",
        "sys.exit(0)",
        "raise ValueError",
        "ctypes.string_at(0)",
        "os.execvp('sleep', ['sleep', '60'])",
        # Forked without Python's hooks, the child holds both pipes open.
        "libc.fork() or libc.pause(); os.kill(os.getpid(), signal.SIGKILL)",
        "libc.fork() or libc.pause(); os._exit(0)",
    ],
)
def test_it_ends_with_its_host(ending: str, start: Callable[..., Target]) -> None:
    target = start(*host(ending), stderr=subprocess.DEVNULL)
    with end_of(int(target.line())) as wait:
        target.send()
        wait()


def test_it_ends_with_a_host_that_is_killed_while_it_is_stopped(
    start: Callable[..., Target],
) -> None:
    target = start(*host("signal.pause()"))
    with end_of(int(target.line())) as wait:
        os.kill(target.pid, signal.SIGSTOP)
        os.kill(target.pid, signal.SIGKILL)
        wait()


def test_a_host_that_exits_in_the_block_prints_nothing(start: Callable[..., Target]) -> None:
    source = "input(); sys.exit(7)"
    target = start(*host(source), stderr=subprocess.PIPE)
    with end_of(int(target.line())) as wait:
        target.send()
        target.send()
        assert target.process.wait(LONG_S) == 7
        wait()
    assert target.process.stderr is not None
    assert target.process.stderr.read() == b""


def test_a_signal_that_a_terminal_sends_to_the_program_does_not_reach_it(
    start: Callable[..., Target],
) -> None:
    source = """
        signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
        print("ready", flush=True)
        input()
        print(s.mark("alive").name, flush=True)
    """
    target = start(*host(source))
    target.line()
    target.send()
    assert target.line() == "ready"
    os.killpg(target.pid, signal.SIGINT)
    assert target.line() == "interrupted"
    target.send()
    assert target.line() == "alive"


def test_it_works_in_a_program_that_reaps_every_child(start: Callable[..., Target]) -> None:
    source = """
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        block.__exit__(None, None, None)
        print(s.stats.samples > 1, flush=True)
    """
    target = start(*host(source))
    target.line()
    target.send()
    assert target.line() == "True"


def test_a_forked_process_has_no_part_in_it() -> None:
    read_fd, write_fd = os.pipe()
    block = sidecar()
    with block as s:
        before = s.mark("before")
        child = os.fork()
        if child == 0:
            os.close(read_fd)
            with pytest.raises(SidecarError, match="belongs to process"):
                s.mark("child")
            with pytest.raises(SidecarError, match="belongs to process"):
                s.reset_peak()
            assert s.marks == (before,)
            assert s.snapshots
            block.__exit__(None, None, None)
            # It can have a sidecar of its own.
            with sidecar() as own:
                assert own.mark("own").peak is not None
            os.write(write_fd, b"fine")
            os._exit(0)
        os.close(write_fd)
        assert os.read(read_fd, 9) == b"fine"
        os.close(read_fd)
        os.waitpid(child, 0)
        assert s.mark("after").peak is not None
    assert [mark.name for mark in s.marks] == ["before", "after"]


def test_a_forked_process_that_leaves_the_block_does_not_end_it(
    start: Callable[..., Target],
) -> None:
    source = """
        with memstat.sidecar() as inner:
            child = os.fork()
            if child == 0:
                sys.exit(5)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            print(inner.mark("fine").name, flush=True)
    """
    target = start(*host(source), stderr=subprocess.PIPE)
    target.line()
    target.send()
    assert target.line() == "5"
    assert target.line() == "fine"
    assert target.process.wait(LONG_S) == 0
    assert target.process.stderr is not None
    assert target.process.stderr.read() == b""


def test_its_thread_is_not_there_while_the_program_forks(
    start: Callable[..., Target],
) -> None:
    # A hook that is registered before those of memstat is called after them.
    source = """
        import os, threading
        threads = []
        os.register_at_fork(before=lambda: threads.append(os.listdir("/proc/self/task")))

        import memstat
        with memstat.sidecar() as s:
            for _ in range(20):
                child = os.fork()
                if child == 0:
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
                assert s.latest.total.pss_bytes
                names = [thread.name for thread in threading.enumerate()]
                assert names == ["MainThread", "memstat sidecar"]
            assert s.mark("forked").peak is not None
        assert [len(found) for found in threads] == [1] * 20
        print("fine", flush=True)
    """
    # From Python 3.12 on, a fork beside other threads warns.
    command = [sys.executable, "-W", "always", "-c", textwrap.dedent(source)]
    target = start(*command, stderr=subprocess.PIPE)
    assert target.line() == "fine"
    assert target.process.stderr is not None
    assert target.process.stderr.read() == b""


def test_a_process_may_fork_while_another_thread_starts_a_sidecar(
    start: Callable[..., Target],
) -> None:
    source = """
        done = threading.Event()
        def keep_starting():
            while not done.is_set():
                with memstat.sidecar():
                    pass
        thread = threading.Thread(target=keep_starting)
        thread.start()
        for _ in range(20):
            child = os.fork()
            if child == 0:
                with memstat.sidecar() as own:
                    pass
                os._exit(0 if own.peak else 1)
            assert os.waitpid(child, 0)[1] == 0
        done.set()
        thread.join()
        print("fine", flush=True)
    """
    target = start(*host(source))
    target.line()
    target.send()
    assert target.line() == "fine"


def test_it_is_no_child_of_the_program() -> None:
    with sidecar() as s:
        assert psutil.Process().children(recursive=True) == []
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        assert s.mark("fine").peak is not None


SUBREAPER = """
    import memstat, psutil
    PR_SET_CHILD_SUBREAPER = 36
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    with memstat.sidecar() as inner:
        print(*(child.pid for child in psutil.Process().children()), inner.pid, flush=True)
        with memstat.sidecar() as other:
            pass
        # Before execve(2) a sidecar is listed, without memory of its own: it counts for nothing.
        # During it, it has a page or two.
        samples = [p for s in inner.snapshots + other.snapshots for p in s.processes]
        seen = {p.key.pid for p in samples if (p.memory.pss_bytes or 0) > 1 << 16}
    print(*seen, os.getpid(), flush=True)
    print(psutil.Process().children(), flush=True)
"""


def test_a_host_that_adopts_orphans_waits_for_it_and_does_not_count_it(
    start: Callable[..., Target],
) -> None:
    target = start(*host(SUBREAPER))
    target.line()
    target.send()
    # The kernel makes it a child again.
    child, inner = target.line().split()
    assert child == inner
    seen, own = target.line().split()
    assert seen == own
    assert target.line() == "[]"


def test_the_sidecar_of_a_child_is_no_part_of_the_total(start: Callable[..., Target]) -> None:
    source = """
        import memstat
        print("ready", flush=True)
        for _ in range(3):
            with memstat.sidecar(interval_s=0.001) as s:
                print(s.pid, flush=True)
                input()
    """
    child = start(*python_with_packages(textwrap.dedent(source)))
    child.line()
    names = set()
    with sidecar(interval_s=0.001, keep_snapshots=None) as s:
        for _ in range(3):
            child.line()
            s.mark("running")
            child.send()
        child.process.wait(LONG_S)
    for snapshot in s.snapshots:
        names |= {p.name for p in snapshot.processes}
        # Before it executes the interpreter, its memory is that of the process which starts it.
        # During execve(2), it has a page or two.
        counted = {p.key.pid for p in snapshot.processes if (p.memory.pss_bytes or 0) > 1 << 16}
        assert counted <= {os.getpid(), child.pid}
    assert NAME not in names


def test_a_program_that_closes_its_descriptors_keeps_the_files_it_opens_then(
    start: Callable[..., Target], tmp_path: Path
) -> None:
    source = f"""
        os.closerange(3, 100)
        files = [open(f"{tmp_path}/{{number}}", "w+") for number in range(20)]
        try:
            s.mark("closed")
        except memstat.SidecarError as error:
            print(error, flush=True)
        try:
            block.__exit__(None, None, None)
        except memstat.SidecarError as error:
            print(error, flush=True)
        for file in files:
            file.write("kept")
            file.flush()
        print("fine", flush=True)
    """
    target = start(*host(source))
    with end_of(int(target.line())) as wait:
        target.send()
        assert target.line() == "the program has closed the descriptors of the sidecar"
        assert target.line() == "the program has closed the descriptors of the sidecar"
        assert target.line() == "fine"
        wait()
    assert {path.read_text() for path in tmp_path.iterdir()} == {"kept"}
