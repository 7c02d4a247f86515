"""The guard against blocking the event loop sees what it is there for."""

from __future__ import annotations

import os
from typing import Any

import pytest
from blockbuster import BlockingError

import memstat
from memstat.proc.linux import LinuxProcSource
from tests.blocking import forbid_blocking

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return ("asyncio", {"use_uvloop": request.param == "uvloop"})


async def test_reading_proc_on_the_loop_is_caught() -> None:
    source = LinuxProcSource.__new__(LinuxProcSource)
    for read in (source.list_processes, lambda: source.identify(os.getpid())):
        with pytest.raises(BlockingError):
            read()


async def test_reading_it_in_a_worker_thread_is_not() -> None:
    assert (await memstat.measure(os.getpid())).complete


def test_the_guard_leaves_everything_as_it_was() -> None:
    # What is left on the entries of a listing slows every later one down, in the whole session.
    with os.scandir() as listing:
        entries = type(listing)
    before = (os.open, os.pread, os.read, os.scandir, entries.__next__, open)
    with forbid_blocking():
        assert os.open is not before[0]
        assert entries.__next__ is not before[4]
    assert (os.open, os.pread, os.read, os.scandir, entries.__next__, open) == before
