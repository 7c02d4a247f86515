"""What a tick costs does not depend on how many other processes there are: they are not listed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import anyio
import pytest

from memstat.model import Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.policy import GENTLE
from memstat.sampling.sampler import Sampler
from memstat.sampling.sweep import Sweeper
from tests.scopes import scope_of
from tests.targets import Target

pytestmark = pytest.mark.anyio

INTERVAL_S = 0.02
LASTS_S = 2.0


class CountingSource(LinuxProcSource):
    """Counts looks that list, and how often processes or threads were found to have started."""

    def __init__(self) -> None:
        super().__init__()
        self.listings = 0
        self.bursts = 0
        self.first_s = math.inf
        """When the first listing was done."""
        self.last_s = 0.0
        """When the last one began."""
        self._newest: int | None = None
        self._has_listed = False

    def list_processes(self) -> Mapping[int, int]:
        # One look may list twice, to place what has started during the first.
        self.listings += not self._has_listed
        self._has_listed = True
        self.last_s = time.monotonic()
        listing = super().list_processes()
        self.first_s = min(self.first_s, time.monotonic())
        return listing

    def newest_pid(self) -> int | None:
        self._has_listed = False
        newest = super().newest_pid()
        self.bursts += newest != self._newest
        self._newest = newest
        return newest


@pytest.fixture
def sweeper(start: Callable[..., Target]) -> Sweeper:
    target = start("sh", "-c", "echo ready; read line", stderr=None)
    target.line()
    source = CountingSource()
    return Sweeper(source, scope_of(source.require(target.pid).key), GENTLE)


async def test_processes_are_listed_once_a_second_and_for_a_burst(
    sweeper: Sweeper,
) -> None:
    snapshots: list[Snapshot] = []

    def take(snapshot: Snapshot) -> bool:
        snapshots.append(snapshot)
        return False

    sampler = Sampler(sweeper, INTERVAL_S, has_ended=take)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sampler.run)
        await anyio.sleep(LASTS_S)
        sampler.stop()
    source = sweeper.source
    assert isinstance(source, CountingSource)
    # The first look is a burst, and this process starts threads to read in. What starts during a
    # walk is listed to know whether it has torn the walk, and once more to be found.
    seconds = int(max(0.0, source.last_s - source.first_s))
    assert 1 <= source.listings <= 2 * source.bursts + seconds
    assert len(snapshots) > seconds
    assert all(len(snapshot.processes) == 1 for snapshot in snapshots)
