"""The worlds that tests of one contract run in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memstat.proc.linux import LinuxProcSource
from tests.proc.puppet import PUPPET
from tests.proc.worlds import FakeWorld, World, linux_world
from tests.targets import Target

_LINUX_SOURCES: dict[str, Callable[[], LinuxProcSource]] = {
    "rollup": lambda: LinuxProcSource(use_rollup=True),
    "smaps": lambda: LinuxProcSource(use_rollup=False),
    "open-per-read": lambda: LinuxProcSource(max_descriptors=0),
}


@pytest.fixture(params=["fake", *_LINUX_SOURCES])
def world(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    start: Callable[..., Target],
    c_program: Callable[[str], Path],
) -> World:
    if request.param == "fake":
        return FakeWorld()
    return linux_world(_LINUX_SOURCES[request.param](), c_program(PUPPET), tmp_path, start)
