"""What the black-box tests share."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, TypeVar

from tests import preloaded
from tests.targets import python

PROCESS_LINE = re.compile(r"((?:  )*)\[(\d+)\] ~?(\d+) kB \((.*)\)")
TOTAL_LINE = re.compile(r"Total: ~?(\d+) kB")

PAUSE = python("import signal; print('ready'); signal.pause()")
"""Prints ``ready`` and sleeps for ever."""

UNTIL_INPUT = python("print('ready'); input()")
"""Prints ``ready`` and ends after a line of input."""

FAMILY = python("""
import os, signal
read_end, write_end = os.pipe()

def live(generations):
    for _ in range(2 if generations else 0):
        if os.fork() == 0:
            live(generations - 1)
    os.write(write_end, b'%d\\n' % os.getpid())
    if generations < 2:
        signal.pause()

live(2)
pids = b''
while pids.count(b'\\n') < 7:
    pids += os.read(read_end, 100)
print(*pids.split())
signal.pause()
""")
"""Two children with two children each; prints ``b'PID'`` of all seven, itself among them."""


def assert_one_line(stderr: str, *words: str) -> None:
    """One clear line, no traceback."""
    assert stderr.count("\n") == 1, stderr
    assert stderr.startswith("memstat"), stderr
    for word in words:
        assert word in stderr


def read_until(fd: int, end: bytes = b"") -> bytes:
    """Read from the near end of a terminal until ``end`` is seen, or the far end is closed."""
    output = b""
    while not (end and end in output):
        if not select.select([fd], [], [], 20)[0]:
            raise TimeoutError(output)
        try:
            output += os.read(fd, 65536)
        except OSError:  # EIO
            assert not end, output
            break
    return output


def read_to_end(fd: int) -> bytes:
    return read_until(fd)


def open_on_terminal(
    command: Sequence[str], **options: Any
) -> AbstractContextManager[tuple[subprocess.Popen[bytes], int]]:
    """Start a command on a terminal of its own; give it and the near end of the terminal.

    It is killed at the end; the hang-up of the terminal ends what is left.
    """

    def start(**streams: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["setsid", "-c", *command], **streams)

    return _with_terminal(start, options)


def open_preloaded_on_terminal(
    *arguments: str, **options: Any
) -> AbstractContextManager[tuple[preloaded.Running, int]]:
    """Do the same with a preloaded memstat."""
    return _with_terminal(partial(preloaded.Running, *arguments, has_terminal=True), options)


P = TypeVar("P", subprocess.Popen[bytes], preloaded.Running)


@contextmanager
def _with_terminal(start: Callable[..., P], options: Mapping[str, Any]) -> Iterator[tuple[P, int]]:
    near, far = pty.openpty()
    streams: dict[str, Any] = {"stdin": far, "stdout": far, "stderr": far, **options}
    process = start(**streams)
    os.close(far)
    try:
        yield process, near
    finally:
        process.kill()
        process.wait()
        os.close(near)


def on_terminal(*command: str) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit status and what was shown."""
    with open_on_terminal(command) as (process, near):
        output = read_to_end(near)
        return process.wait(timeout=60), output.decode().replace("\r\n", "\n")


def processes_with(marker: str) -> list[int]:
    """Return the PIDs of what was started with the marker in the environment, zombies excepted."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as environment:
                if marker.encode() in environment.read():
                    found.append(int(name))
        except OSError:
            pass
    return found


def wait_for(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Wait for the end of a process; ``None`` when it has not ended in time."""
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
