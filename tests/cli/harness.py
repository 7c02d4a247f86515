"""What the black-box tests share."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from collections.abc import Sequence
from typing import Any

from tests.targets import python

PROCESS_LINE = re.compile(r"((?:  )*)\[(\d+)\] (\d+) kB \((.*)\)")
TOTAL_LINE = re.compile(r"Total: (\d+) kB")

PAUSE = python("import signal; print('ready'); signal.pause()")
"""Prints ``ready`` and sleeps for ever."""

UNTIL_TOLD = python("print('ready'); input()")
"""Prints ``ready`` and ends when it is told to."""

FAMILY = python("""
import os, signal
seen, tell = os.pipe()

def live(generations):
    for _ in range(2 if generations else 0):
        if os.fork() == 0:
            live(generations - 1)
    os.write(tell, b'%d\\n' % os.getpid())
    if generations < 2:
        signal.pause()

live(2)
pids = b''
while pids.count(b'\\n') < 7:
    pids += os.read(seen, 100)
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


def read_to_end(fd: int, seconds: float = 60) -> bytes:
    """Read from the near end of a pseudo-terminal until nobody has the far end."""
    output = b""
    while select.select([fd], [], [], seconds)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:  # EIO
            return output
        if not data:
            return output
        output += data
    raise TimeoutError(output)


def open_on_terminal(command: Sequence[str], **options: Any) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command on a terminal of its own; return it and the near end of the terminal."""
    near, far = pty.openpty()
    streams: dict[str, Any] = {"stdin": far, "stdout": far, "stderr": far, **options}
    try:
        return subprocess.Popen(["setsid", "-c", *command], **streams), near
    finally:
        os.close(far)


def on_terminal(*command: str, **options: Any) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit status and what was shown."""
    process, near = open_on_terminal(command, **options)
    try:
        output = read_to_end(near)
        return process.wait(timeout=60), output.decode().replace("\r\n", "\n")
    finally:
        process.kill()
        process.wait()
        os.close(near)
