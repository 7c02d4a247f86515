"""Signals at any moment, from the first on: no traceback, no process left, a truthful status."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.cli.harness import UNTIL_INPUT, open_on_terminal, processes_with, read_to_end, read_until
from tests.preloaded import Running
from tests.targets import Target, memstat_path

MOMENTS = 24
FEWER_MOMENTS = 10
LATEST_S = 0.15
"""Later, memstat has started: it takes a tenth of a second."""
SWALLOWED = re.compile(
    r"Failed checking if argv\[0\] is an import path entry"
    r"|Exception ignored in: <function _get_module_lock\b"
)
"""What CPython prints of a Ctrl+C that it ignores and goes on, before any code of memstat runs:
while it looks at argv[0], or in a callback of the import system."""


@pytest.fixture
def marked() -> Iterator[tuple[str, Mapping[str, str]]]:
    """An environment by which every process that was started is found again."""
    marker = f"MEMSTAT_TEST={uuid.uuid4().hex}"
    name, _, value = marker.partition("=")
    yield marker, {**os.environ, name: value}
    for pid in processes_with(marker):
        os.kill(pid, signal.SIGKILL)


def moments(seed: int, count: int) -> Iterator[float]:
    chance = random.Random(seed)
    return (chance.uniform(0, LATEST_S) for _ in range(count))


def found_the_interpreter_starting(stderr: str) -> bool:
    """Whether a Ctrl+C came before our main was called: Python prints it in its own way."""
    ours = re.search(r'memstat/__main__\.py", line \d+, in main', stderr)
    return "KeyboardInterrupt" in stderr and not ours


def assert_truthful(status: int | None, truths: set[int], stderr: str) -> None:
    if found_the_interpreter_starting(stderr):
        assert status in truths | {1, -signal.SIGINT}
        return
    assert status in truths, stderr
    for sign in ("Traceback", "Exception ignored", "never retrieved"):
        assert sign not in stderr


def end_by(process: subprocess.Popen[bytes], signum: int) -> tuple[str, str]:
    """Send a signal, again if CPython swallowed it, and wait; return what was printed."""
    process.send_signal(signum)
    try:
        out, err = process.communicate(timeout=15)
    except subprocess.TimeoutExpired:
        process.send_signal(signum)
        out, err = process.communicate(timeout=15)
        assert SWALLOWED.search(err.decode())
    return out.decode(), err.decode()


Start = Callable[..., subprocess.Popen[bytes]]


def installed(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([memstat_path(), *arguments], **options)


# What begins with main has as many moments by itself, for which Python need not start.
every_start = pytest.mark.parametrize("start_memstat", [installed, Running])
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


@every_start
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_run(
    marked: tuple[str, Mapping[str, str]], signum: signal.Signals, start_memstat: Start
) -> None:
    marker, environment = marked
    # Every other command may end by itself, before the signal or after it.
    durations = ["60", "0.1"] * (MOMENTS // 2)
    for seconds, moment in zip(durations, moments(signum, MOMENTS), strict=True):
        process = start_memstat("run", "-rv", "sleep", seconds, env=environment, **PIPES)
        time.sleep(moment)
        # The end of the pipes too: a process that is left would hold them open.
        out, err = end_by(process, signum)
        ended = {-signum} if seconds == "60" else {-signum, 128 + signum, 0}
        assert out == ""
        assert_truthful(process.returncode, ended, err)
    assert processes_with(marker) == []


def read_to_the_end_of_both(near: int) -> str:
    try:
        return read_to_end(near).decode()
    except TimeoutError as error:
        os.write(near, b"\x03")
        before: bytes = error.args[0]
        shown = (before + read_to_end(near)).decode()
        assert SWALLOWED.search(shown)
        return shown


def test_ctrl_c_ends_both_whenever_it_is_pressed(marked: tuple[str, Mapping[str, str]]) -> None:
    marker, environment = marked
    for moment in moments(1, 2 * FEWER_MOMENTS):
        # The terminal has a foreground process to send a signal to once the shell has printed.
        shell = ["sh", "-c", 'echo begin; exec "$@"', "sh"]
        command = [*shell, memstat_path(), "run", "--", "sleep", "60"]
        with open_on_terminal(command, env=environment) as (process, near):
            read_until(near, b"begin")
            time.sleep(moment)
            os.write(near, b"\x03")
            shown = read_to_the_end_of_both(near)
            assert_truthful(process.wait(timeout=30), {-signal.SIGINT}, shown)
    assert processes_with(marker) == []


@every_start
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_watch(
    start: Callable[..., Target], signum: signal.Signals, start_memstat: Start
) -> None:
    target = start(*UNTIL_INPUT)
    target.line()
    for moment in moments(signum, FEWER_MOMENTS):
        process = start_memstat("get", "-wr", str(target.pid), **PIPES)
        time.sleep(moment)
        out, err = end_by(process, signum)
        assert_truthful(process.returncode, {-signum, 128 + signum}, err)
        if process.returncode == 128 + signum:
            assert "Peak:" in out + err
