"""Memory in tests: a limit, a closer look, and the same without pytest's help.

Run it:  pytest examples/embed_in_tests.py
What every test used:  pytest --memstat examples/embed_in_tests.py
"""

from __future__ import annotations

import subprocess
import sys

import pytest

import memstat
from memstat.pytest_plugin import MemoryProbe

MIB = 1 << 20
LOAD = "rows = [str(n) * 8 for n in range(300_000)]; print(len(rows))"


def pss_bytes(mark: memstat.Mark) -> int:
    """Return the peak of the phase that a mark ends."""
    assert mark.peak is not None
    return mark.peak.pss_bytes


@pytest.mark.max_pss("200 MiB")
def test_the_worker_stays_small() -> None:
    """A limit: when test and worker grow by more, it fails and lists the processes at the peak."""
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, check=True)
    assert int(done.stdout) == 300_000


@pytest.mark.xfail(reason="it shows a limit that is too low", strict=True)
@pytest.mark.max_pss("20 MiB")
def test_a_limit_counts_what_is_gone_in_a_moment() -> None:
    """Memory between two samples counts too: the kernel keeps a high-water mark."""
    assert len(bytearray(40 * MIB)) == 40 * MIB


def test_the_cache_gives_its_memory_back(memory: MemoryProbe) -> None:
    """A closer look: each mark has the peak since the mark before it."""
    empty = memory.mark("empty")
    cache = bytearray(50 * MIB)
    filled = memory.mark("filled")
    del cache
    memory.mark("cleared")
    idle = memory.mark("idle")
    assert pss_bytes(filled) > pss_bytes(empty) + 45 * MIB
    assert pss_bytes(idle) < pss_bytes(filled) - 45 * MIB


def test_any_piece_of_code() -> None:
    """Without the plugin: the same sidecar, for scripts and programs as well."""
    with memstat.sidecar() as s:
        before = s.mark("before")
        held = bytearray(30 * MIB)
        after = s.mark("after")
    assert len(held) == 30 * MIB
    assert pss_bytes(after) > pss_bytes(before) + 25 * MIB
    assert s.peak is not None
    assert s.peak.pss_bytes < 500 * MIB
