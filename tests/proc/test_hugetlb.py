"""Huge pages of hugetlbfs, which the kernel counts neither in RSS nor in PSS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memstat.mappings import MappingKind
from memstat.model import Memory
from memstat.proc.linux import LinuxProcSource
from memstat.sampling.mapped import map_once
from memstat.sampling.sweep import sweep_once
from tests.scopes import scope_of
from tests.targets import Target, memstat

MIB = 1 << 20
PAGES = 16
POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")

# It maps its pages, shared or not, touches them, forks a child that touches them too.
HOLDER = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv) {
    size_t size = (size_t)16 * (2 << 20);
    int kind = argv[1][0] == 's' ? MAP_SHARED : MAP_PRIVATE, ready[2];
    char byte, *at = mmap(0, size, 3, kind | MAP_ANONYMOUS | MAP_HUGETLB | (21 << 26), -1, 0);
    if (at == MAP_FAILED) { puts("none"); return 0; }
    memset(at, 1, size);
    if (argc > 2) {
        pipe(ready);
        if (!fork()) {
            for (size_t i = 0; i < size; i += 4096) byte = ((volatile char *)at)[i];
            write(ready[1], &byte, 1);
            pause();
        }
        read(ready[0], &byte, 1);
    }
    puts("ready");
    fflush(stdout);
    pause();
}
"""


@pytest.fixture
def holder(
    start: Callable[..., Target], c_program: Callable[[str], Path]
) -> Iterator[Callable[..., Target]]:
    """Start a program with 32 MiB of huge pages."""
    try:
        before = int(POOL.read_text())
        POOL.write_text(str(before + PAGES))
    except OSError:
        pytest.skip("only root can reserve huge pages, where the kernel has them")

    def start_holder(*arguments: str) -> Target:
        target = start(str(c_program(HOLDER)), *arguments)
        if target.line() != "ready":
            pytest.skip("no room for 32 MiB of huge pages")
        return target

    yield start_holder
    POOL.write_text(str(before))


def total_of(target: Target, *, use_rollup: bool) -> Memory:
    source = LinuxProcSource(use_rollup=use_rollup)
    return sweep_once(source, scope_of(source.require(target.pid).key)).total


@pytest.mark.parametrize("use_rollup", [True, False])
@pytest.mark.parametrize(
    ("arguments", "whole_mib", "shared_mib"),
    [(("private",), 32, 0), (("shared",), 32, 0), (("shared", "fork"), 64, 64)],
)
def test_huge_pages_are_counted_beside_pss(
    holder: Callable[..., Target],
    arguments: tuple[str, ...],
    whole_mib: int,
    shared_mib: int,
    *,
    use_rollup: bool,
) -> None:
    total = total_of(holder(*arguments), use_rollup=use_rollup)
    assert total.hugetlb_bytes == whole_mib * MIB
    assert total.hugetlb_shared_bytes == shared_mib * MIB
    assert total.pss_bytes is not None
    assert total.pss_bytes < MIB


def test_they_are_a_group_of_their_own_in_each_process_whole(
    holder: Callable[..., Target],
) -> None:
    source = LinuxProcSource()
    target = holder("shared", "fork")
    mappings = map_once(source, scope_of(source.require(target.pid).key)).mappings
    (huge,) = [group for group in mappings.groups if group.kind is MappingKind.HUGE_PAGES]
    assert (huge.name, huge.hugetlb_bytes, huge.pss_bytes) == ("", 64 * MIB, 0)
    assert (huge.processes, huge.mappings) == (2, 2)


def test_people_are_told_what_the_total_leaves_out(holder: Callable[..., Target]) -> None:
    target = holder("shared", "fork")
    got = memstat("get", "-r", str(target.pid))
    assert got.stderr == "memstat: not in PSS: 32.0 MiB to 64.0 MiB of huge pages\n"
    assert memstat("get", "-r", "--json", str(target.pid)).stderr == ""
