"""What ``import memstat`` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import memstat


@pytest.mark.parametrize("name", memstat.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(memstat, name)
    assert value.__name__ == name
    assert value.__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        memstat.nonsense  # noqa: B018


def test_importing_memstat_loads_no_event_loop_and_no_terminal_library() -> None:
    source = (
        "import sys, memstat\n"
        "memstat.parse_size, memstat.Snapshot, memstat.SizeError\n"
        "print(*{'anyio', 'asyncio', 'rich', 'click', 'aiofiles'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
