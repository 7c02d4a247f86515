"""The newest PID."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from memstat.proc.loadavg import LoadAverage


def descriptors() -> set[int]:
    """Return those of this process that are open on the file."""
    files = Path("/proc/self/fd").iterdir()
    return {int(file.name) for file in files if os.path.realpath(file) == "/proc/loadavg"}


@pytest.mark.parametrize("stays_open", [True, False])
def test_a_process_that_starts_has_the_newest_pid_or_an_older_one(*, stays_open: bool) -> None:
    load_average = LoadAverage(stays_open=stays_open)
    before = load_average.newest_pid()
    child = subprocess.Popen(["true"])
    child.wait()
    after = load_average.newest_pid()
    assert before is not None
    assert after is not None
    # Other tests start processes too, and PIDs may begin anew.
    assert before < child.pid <= after or after < before


def test_it_is_closed_with_its_object() -> None:
    load_average = LoadAverage(stays_open=True)
    before = descriptors()
    load_average.newest_pid()
    assert len(descriptors()) == len(before) + 1
    del load_average
    assert descriptors() == before


def test_once_closed_it_is_opened_each_time() -> None:
    load_average = LoadAverage(stays_open=True)
    before = descriptors()
    load_average.newest_pid()
    load_average.close()
    load_average.close()
    assert descriptors() == before
    assert load_average.newest_pid() is not None
    assert descriptors() == before


def test_a_program_may_close_it_and_use_its_number() -> None:
    load_average = LoadAverage(stays_open=True)
    before = descriptors()
    load_average.newest_pid()
    (number,) = descriptors() - before
    with open("/dev/null") as other:
        os.dup2(other.fileno(), number)
    assert load_average.newest_pid() is None
    assert load_average.newest_pid() is not None
    del load_average
    assert descriptors() == before
    assert os.path.samestat(os.fstat(number), os.stat("/dev/null"))
    os.close(number)
