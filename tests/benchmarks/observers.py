"""What may watch a process while it works: nothing, memstat, psutil. Each runs beside it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from tests.targets import memstat_path

UNOBSERVED: Final = "unobserved"
MEMSTAT: Final = "memstat get -rw"

_PSUTIL: Final = """
import psutil, sys, time
target = psutil.Process(int(sys.argv[1]))
due_s = time.monotonic()
while True:
    for process in (target, *target.children(recursive=True)):
        try:
            process.memory_full_info()
        except psutil.Error:
            pass
    print(flush=True)
    due_s = max(due_s + 0.1, time.monotonic())
    time.sleep(max(0.0, due_s - time.monotonic()))
"""

COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    UNOBSERVED: (),
    MEMSTAT: (memstat_path(), "get", "-rw"),
    f"{MEMSTAT} --exact": (memstat_path(), "get", "-rw", "--exact"),
    "psutil at 10 Hz": (sys.executable, "-c", _PSUTIL),
}
"""By name; each is given the PID of what it watches."""


@contextmanager
def watched_by(command: Sequence[str], pid: int) -> Iterator[subprocess.Popen[bytes] | None]:
    """Let a command watch a process from its first line of output on, until the block is left."""
    if not command:
        yield None
        return
    with subprocess.Popen([*command, str(pid)], stdout=subprocess.PIPE) as observer:
        try:
            assert observer.stdout is not None
            assert observer.stdout.readline()
            # What is not read would hold it up in the end.
            rest = threading.Thread(target=observer.stdout.read)
            rest.start()
            yield observer
            assert observer.poll() is None, "the observer has ended before what it watches"
        finally:
            observer.kill()
            observer.wait()
            rest.join()
