"""How pages are shared: what holds for made-up processes and for real ones, to a few pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pytest

from memstat.model import ProcessKey
from memstat.proc.source import Glance, ProcessReader
from tests.proc.worlds import COUNTED_PER_CPU, STEP_BYTES, Process, World

HALF = STEP_BYTES // 2
SLACK_BYTES = STEP_BYTES // 32
"""What a program and its child touch besides, in order to run."""

_LOOKS = 5


class Seen(NamedTuple):
    """What a glance and a walk show of a process."""

    anon_bytes: int
    file_bytes: int
    faulted_bytes: int
    family: int
    rss_peak_bytes: int
    pss_bytes: int
    uss_bytes: int


class Looker:
    """Looks at processes again and again, each by one reader."""

    def __init__(self, world: World) -> None:
        self._source = world.source
        self._readers: dict[ProcessKey, ProcessReader] = {}

    def __call__(self, process: Process) -> Seen:
        glance, memory = self.glance(process), self._reader(process).walk().memory
        assert glance is not None
        assert glance.rss_peak_bytes is not None
        assert memory.pss_bytes is not None
        assert memory.uss_bytes is not None
        return Seen(
            glance.anon_bytes,
            glance.file_bytes,
            glance.faulted_bytes,
            glance.family,
            glance.rss_peak_bytes,
            memory.pss_bytes,
            memory.uss_bytes,
        )

    def glance(self, process: Process) -> Glance | None:
        reader = self._reader(process)
        glance = reader.glance(with_faults=True, with_parent=False)
        # Until it is known to be at rest: whatever it does after that must be seen.
        for _ in range(_LOOKS):
            reader.glance(with_faults=True, with_parent=False)
        return glance

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()

    def _reader(self, process: Process) -> ProcessReader:
        return self._readers.setdefault(process.key, self._source.reader(process.key))


@pytest.fixture
def look(world: World) -> Iterator[Looker]:
    with closing(Looker(world)) as looker:
        yield looker


def is_near(size: int, expected: int) -> bool:
    return abs(size - expected) <= SLACK_BYTES


def grown(world: World) -> Process:
    """Start a process that has mapped a step of its own."""
    process = world.start("puppet")
    process.grow()
    return process


def test_a_fork_shares_all_anonymous_pages_and_is_of_the_family(world: World, look: Looker) -> None:
    process = grown(world)
    before = look(process)
    child = process.fork()
    parent, heir = look(process), look(child)
    assert heir.family == parent.family == before.family
    assert is_near(parent.anon_bytes, before.anon_bytes)
    assert is_near(heir.anon_bytes, before.anon_bytes)
    # Each counts half of what it maps, and none is its own.
    for one in (parent, heir):
        assert is_near(before.pss_bytes - one.pss_bytes, before.anon_bytes // 2)
        assert is_near(before.uss_bytes - one.uss_bytes, before.anon_bytes)
    assert heir.faulted_bytes <= SLACK_BYTES
    assert heir.rss_peak_bytes - heir.anon_bytes - heir.file_bytes <= COUNTED_PER_CPU


@pytest.mark.parametrize("writer", ["parent", "child"])
def test_who_writes_to_shared_pages_gets_copies_by_faults(
    world: World, look: Looker, writer: str
) -> None:
    process = grown(world)
    child = process.fork()
    writing, other = (process, child) if writer == "parent" else (child, process)
    before, other_before = look(writing), look(other)
    writing.write(HALF)
    after, other_after = look(writing), look(other)
    assert 0 <= after.faulted_bytes - before.faulted_bytes - HALF <= SLACK_BYTES
    assert is_near(after.anon_bytes, before.anon_bytes)
    # What counted half for each is in two copies now, of which each has one.
    for one, one_before in ((after, before), (other_after, other_before)):
        assert is_near(one.pss_bytes - one_before.pss_bytes, HALF // 2)
        assert is_near(one.uss_bytes - one_before.uss_bytes, HALF)
    assert other_after.faulted_bytes - other_before.faulted_bytes <= SLACK_BYTES


def test_a_write_to_what_was_shared_once_is_a_fault_without_a_copy(
    world: World, look: Looker
) -> None:
    process = grown(world)
    process.wait_for(process.fork())
    before = look(process)
    process.write(STEP_BYTES)
    after = look(process)
    assert 0 <= after.faulted_bytes - before.faulted_bytes - STEP_BYTES <= SLACK_BYTES
    assert is_near(after.pss_bytes, before.pss_bytes)
    assert is_near(after.anon_bytes, before.anon_bytes)


def test_what_one_unmaps_counts_whole_for_the_other(world: World, look: Looker) -> None:
    process = grown(world)
    child = process.fork()
    before, heir_before = look(process), look(child)
    child.shrink()
    after, heir = look(process), look(child)
    assert heir.family == heir_before.family
    assert is_near(heir_before.anon_bytes - heir.anon_bytes, STEP_BYTES)
    assert heir.rss_peak_bytes >= heir_before.rss_peak_bytes - COUNTED_PER_CPU
    assert is_near(after.pss_bytes - before.pss_bytes, HALF)
    assert is_near(after.uss_bytes - before.uss_bytes, STEP_BYTES)
    for one, one_before in ((after, before), (heir, heir_before)):
        assert one.faulted_bytes - one_before.faulted_bytes <= SLACK_BYTES


@pytest.mark.parametrize("how", ["execve", "end"])
def test_what_one_leaves_counts_whole_for_the_other(world: World, look: Looker, how: str) -> None:
    process = grown(world)
    child = process.fork()
    before, heir_before = look(process), look(child)
    if how == "execve":
        child.execute("successor")
        heir = look(child)
        assert heir.family not in (0, heir_before.family)
        # A process keeps the count of its faults.
        assert heir.faulted_bytes > heir_before.faulted_bytes
    else:
        child.end()
        assert look.glance(child) is None
    after = look(process)
    assert is_near(after.pss_bytes - before.pss_bytes, before.anon_bytes // 2)
    assert is_near(after.uss_bytes - before.uss_bytes, before.anon_bytes)
    assert is_near(after.anon_bytes, before.anon_bytes)
    assert after.family == before.family


def test_three_count_a_third_each(world: World, look: Looker) -> None:
    process = grown(world)
    before = look(process)
    children = [process.fork(), process.fork()]
    for one in (process, *children):
        assert is_near(before.pss_bytes - look(one).pss_bytes, before.anon_bytes * 2 // 3)


def test_a_file_counts_in_equal_parts_for_those_who_map_it(world: World, look: Looker) -> None:
    one, other = world.start("puppet"), world.start("puppet")
    before = look(one)
    one.map_file("library")
    alone = look(one)
    assert is_near(alone.file_bytes - before.file_bytes, STEP_BYTES)
    assert is_near(alone.anon_bytes, before.anon_bytes)
    assert is_near(alone.pss_bytes - before.pss_bytes, STEP_BYTES)
    assert is_near(alone.uss_bytes - before.uss_bytes, STEP_BYTES)
    # Maybe fewer faults than pages, as the kernel maps those around it, too.
    assert 0 < alone.faulted_bytes - before.faulted_bytes <= STEP_BYTES + SLACK_BYTES
    other.map_file("library")
    shared = look(one)
    assert is_near(shared.file_bytes, alone.file_bytes)
    assert is_near(shared.pss_bytes - before.pss_bytes, HALF)
    assert is_near(shared.uss_bytes, before.uss_bytes)
    one.unmap_file("library")
    assert is_near(look(one).file_bytes, before.file_bytes)


def test_a_child_has_not_the_pages_of_files_that_its_parent_maps(
    world: World, look: Looker
) -> None:
    process = world.start("puppet")
    process.map_file("library")
    mapped = look(process)
    child = look(process.fork())
    assert child.file_bytes <= mapped.file_bytes - STEP_BYTES
    assert is_near(look(process).uss_bytes + mapped.anon_bytes, mapped.uss_bytes)
