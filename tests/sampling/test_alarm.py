"""A timer that is more precise than an event loop."""

from __future__ import annotations

import os
import resource
import time

import anyio
import pytest

from memstat.model import Snapshot
from memstat.sampling.alarm import Alarm
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweeper
from memstat.testing import FakeProc
from tests.scopes import scope_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("delay_s", [0.0, 1e-10, 0.0003, 0.0123, 1.001])
async def test_it_waits_for_as_long(delay_s: float) -> None:
    alarm = Alarm()
    began_s = time.monotonic()
    await alarm.wait(delay_s)
    assert time.monotonic() - began_s >= delay_s
    alarm.close()


async def test_a_wait_that_was_cancelled_does_not_end_the_next() -> None:
    alarm = Alarm()
    with anyio.move_on_after(0.01) as scope:
        await alarm.wait(1000)
    assert scope.cancelled_caught
    with anyio.move_on_after(0):
        await alarm.wait(0.001)
    began_s = time.monotonic()
    await alarm.wait(0.05)
    assert time.monotonic() - began_s >= 0.05
    alarm.close()


async def test_a_sampler_closes_it_and_does_without_where_there_is_none() -> None:
    fake = FakeProc()
    root = fake.start("root", 1 << 20)
    before = _descriptors()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    for allows_one in (True, False):
        ticks: list[int] = []

        def has_ended(snapshot: Snapshot, ticks: list[int] = ticks) -> bool:
            ticks.append(snapshot.tick)
            return len(ticks) == 3

        sampler = Sampler(Sweeper(fake, scope_of(root.key)), 0.001, has_ended=has_ended)
        try:
            if not allows_one:
                resource.setrlimit(resource.RLIMIT_NOFILE, (_first_free(), limits[1]))
            await sampler.run()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert len(ticks) == 3
        assert _descriptors() == before


def _descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def _first_free() -> int:
    fd = os.dup(0)
    os.close(fd)
    return fd
