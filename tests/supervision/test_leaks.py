"""Many short children leave nothing in memstat: no descriptor, thread, zombie or memory."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.targets import memstat_path, python

# A tick for each child is due at a fixed time; the target reports when it has begun and ended, and
# waits, so that memstat is looked at while it measures and not while it ends.
_SPAWNER = """
import os, sys, time
children, seconds = int(sys.argv[1]), float(sys.argv[2])
began = time.monotonic()
reported = False
for number in range(children):
    if not reported and time.monotonic() - began > 1:
        print('a second', flush=True)
        input()
        reported = True
    pid = os.posix_spawn('/bin/true', ['true'], {})
    os.waitpid(pid, 0)
    time.sleep(max(0.0, began + number * seconds / children - time.monotonic()))
if not reported:
    print('a second', flush=True)
    input()
time.sleep(0.5)
print('the end', flush=True)
input()
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds."""

    pss_kib: int
    descriptors: int
    threads: int
    zombies: int


def held_by(pid: int) -> Held:
    """Return what a running process holds now."""
    directory = Path(f"/proc/{pid}")
    rollup = (directory / "smaps_rollup").read_text()
    children = "".join(task.read_text() for task in directory.glob("task/*/children")).split()
    states = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2][1] for child in children]
    return Held(
        pss_kib=int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0]),
        descriptors=len(os.listdir(directory / "fd")),
        threads=len(os.listdir(directory / "task")),
        zombies=states.count("Z"),
    )


def run_short_children(count: int, seconds: float) -> tuple[Held, Held]:
    """Return what ``memstat run -r`` holds after a second and after so many children."""
    command = [memstat_path(), "run", "-r", "-f", "20", "--", *python(_SPAWNER)]
    with subprocess.Popen(
        [*command, str(count), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as memstat:
        assert memstat.stdin is not None
        assert memstat.stdout is not None
        held = []
        for expected in ("a second", "the end"):
            assert memstat.stdout.readline().strip() == expected
            held.append(held_by(memstat.pid))
            memstat.stdin.write("\n")
            memstat.stdin.flush()
        _, errors = memstat.communicate(timeout=30)
    assert memstat.returncode == 0, errors
    return held[0], held[1]


def test_many_short_children_leave_nothing() -> None:
    early, late = run_short_children(1500, 8)
    assert late.zombies == 0
    # A reader thread more or less, and a listing of /proc that is open just now.
    assert late.descriptors <= early.descriptors + 2
    assert late.threads <= early.threads + 2
    assert late.pss_kib <= early.pss_kib + 2048
