"""Programs to run in a terminal. They wait at gates: typing to them would show on the screen."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from tests.terminal.tmux import wait_until


class Gate:
    """A named pipe: a process that reads it to its end waits until the test lets one through.

    One that opened it without reading could pass twice at one opening.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def open(self) -> None:
        """Let one waiting process through; wait for one to come."""
        wait_until(self._try_to_open, lambda: "no process came to the gate")

    def _try_to_open(self) -> bool:
        try:
            # Fails while no process has it open for reading: fifo(7).
            os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True


WAIT: Final = "open(sys.argv[1]).read()"
"""Python: wait at the gate that the first argument names."""

TREE: Final = f"""
import os, sys
stays_open, held_by_parent = os.pipe()
for size in map(int, sys.argv[2:]):
    ready, done = os.pipe()
    if os.fork() == 0:
        os.close(held_by_parent)
        held = bytearray(os.urandom(1 << 20)) * size
        os.write(done, b'.')
        os.read(stays_open, 1)
        os._exit(0)
    os.read(ready, 1)
    os.close(ready), os.close(done)
{WAIT}
os.close(held_by_parent)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""
"""A parent of children that hold so many MiB each, and end with it when the gate opens."""


def script(directory: Path, name: str, source: str) -> str:
    """Write a Python program, and return the shell's words for running it."""
    (directory / name).write_text(source)
    return f"{sys.executable} -u {name}"
