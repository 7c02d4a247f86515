"""Files of /proc that are longer than one read."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from memstat.model import ReadStatus
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.sweep import sweep_once
from tests.scopes import scope_of
from tests.targets import Target, python, python_with_packages

IN_MANY_GROUPS = """
import os
os.setgroups(range(1_500_000_000, 1_500_000_000 + {groups}))
"""
WAITING = """
print("ready")
input()
"""
ASKING_ITSELF = """
from memstat.proc.own import own_high_water_bytes
print(own_high_water_bytes())
"""


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can join groups")


@only_root
@pytest.mark.parametrize("groups", [700, 60_000])
@pytest.mark.parametrize("keep_open", [True, False])
def test_a_member_of_many_groups_is_measured(
    start: Callable[..., Target], groups: int, *, keep_open: bool
) -> None:
    target = start(*python(IN_MANY_GROUPS.format(groups=groups) + WAITING))
    assert target.line() == "ready"
    source = LinuxProcSource() if keep_open else LinuxProcSource(max_descriptors=0)
    key = source.require(target.pid).key
    snapshot = sweep_once(source, scope_of(key))
    assert [p.status for p in snapshot.processes] == [ReadStatus.MEASURED]
    reader = source.reader(key)
    first = reader.walk()
    target.send()
    target.process.wait()
    assert first.rss_peak_bytes is not None
    assert first.memory.rss_bytes is not None
    assert first.rss_peak_bytes >= first.memory.rss_bytes - (1 << 19)
    reader.close()


@only_root
def test_a_member_of_many_groups_can_read_its_own_mark(start: Callable[..., Target]) -> None:
    target = start(*python_with_packages(IN_MANY_GROUPS.format(groups=60_000) + ASKING_ITSELF))
    assert int(target.line()) > 1 << 20
