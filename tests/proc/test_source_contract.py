"""What holds for every source of processes: the fake that memstat ships, and the real /proc."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from memstat.errors import NoSuchProcess, NotAProcess
from memstat.mappings import sizes_of
from memstat.model import Memory, ProcessKey, ReadStatus
from memstat.proc.linux import LinuxProcSource
from memstat.proc.source import (
    GONE,
    Afterwards,
    Glance,
    MappedReading,
    ProcessReader,
    Reading,
)
from tests.proc.worlds import A_FEW_PAGES, COUNTED_PER_CPU, STEP_BYTES, World
from tests.targets import Target

KIB = 1 << 10
_A_STEP = range(STEP_BYTES - A_FEW_PAGES, STEP_BYTES + A_FEW_PAGES)


# Listing


def test_a_process_is_listed_under_one_number_until_it_is_reaped(world: World) -> None:
    process = world.start("puppet")
    number = world.source.list_processes()[process.key.pid]
    process.execute("other")
    assert world.source.list_processes()[process.key.pid] == number
    process.end()
    assert world.source.list_processes()[process.key.pid] == number
    process.reap()
    assert process.key.pid not in world.source.list_processes()


def test_two_processes_are_listed_under_different_numbers(world: World) -> None:
    one, other = world.start("puppet"), world.start("puppet")
    listing = world.source.list_processes()
    assert listing[one.key.pid] != listing[other.key.pid]


def test_a_thread_is_not_listed(world: World) -> None:
    process = world.start("puppet")
    tid = process.start_thread()
    listing = world.source.list_processes()
    assert process.key.pid in listing
    assert tid not in listing


# Which process has a PID


def test_a_running_process_is_identified(world: World) -> None:
    process = world.start("puppet")
    identity = world.source.identify(process.key.pid)
    assert identity is not None
    assert identity.pid == process.key.pid
    assert identity.start_ticks == process.key.start_ticks
    assert identity.ppid == process.parent_pid
    assert identity.name == "puppet"
    assert identity.threads == 1
    assert identity.has_executed
    assert not identity.is_kernel_thread
    assert identity.is_alive
    assert world.source.require(process.key.pid).start_ticks == process.key.start_ticks


def test_a_child_names_its_parent_and_shares_its_name(world: World) -> None:
    process = world.start("puppet")
    child = world.source.require(process.fork().key.pid)
    assert (child.ppid, child.name) == (process.key.pid, "puppet")
    assert child.start_ticks >= process.key.start_ticks
    assert not child.has_executed


def test_an_orphan_has_a_new_parent_and_is_the_same_process(world: World) -> None:
    process = world.start("puppet")
    child = process.fork().key
    process.end()
    orphan = world.source.require(child.pid)
    assert orphan.ppid != process.key.pid
    assert orphan.start_ticks == child.start_ticks
    assert orphan.is_alive


def test_a_zombie_is_identified_and_not_alive(world: World) -> None:
    process = world.start("puppet")
    process.end()
    zombie = world.source.require(process.key.pid)
    assert zombie.start_ticks == process.key.start_ticks
    assert zombie.state == "Z"
    assert not zombie.is_alive


def test_a_process_whose_main_thread_has_ended_is_alive(world: World) -> None:
    process = world.start("puppet")
    process.start_thread()
    process.end_main_thread()
    identity = world.source.require(process.key.pid)
    assert (identity.state, identity.threads) == ("Z", 2)
    assert identity.is_alive


def test_no_process_has_the_pid_of_a_reaped_one(world: World) -> None:
    process = world.start("puppet")
    pid = process.key.pid
    process.end()
    process.reap()
    assert world.source.identify(pid) is None
    with pytest.raises(NoSuchProcess) as caught:
        world.source.require(pid)
    assert str(caught.value) == f"no process has PID {pid}"
    assert caught.value.pid == pid


def test_a_thread_is_no_process_and_the_error_names_its_process(world: World) -> None:
    process = world.start("puppet")
    pid, tid = process.key.pid, process.start_thread()
    with pytest.raises(NotAProcess) as caught:
        world.source.require(tid)
    assert str(caught.value) == f"{tid} is a thread of process {pid}: measure {pid} instead"
    assert caught.value.pid == tid
    identity = world.source.identify(tid)
    assert identity is not None
    assert (identity.pid, identity.threads) == (tid, 2)


def test_every_process_and_thread_that_starts_is_the_newest(world: World) -> None:
    before = world.source.newest_pid()
    assert before is not None
    process = world.start("puppet")
    assert world.source.newest_pid() != before
    started = [process.fork, process.start_thread]
    for start_one in started:
        before = world.source.newest_pid()
        start_one()
        assert world.source.newest_pid() != before


def test_a_family_are_those_that_were_forked_from_one_another(world: World) -> None:
    process, other = world.start("puppet"), world.start("puppet")
    child = world.source.require(process.fork().key.pid)
    family = world.source.require(process.key.pid).family
    assert child.family == family != 0
    assert world.source.require(other.key.pid).family != family
    process.execute("successor")
    assert world.source.require(process.key.pid).family not in (0, family)
    process.end()
    assert world.source.require(process.key.pid).family == 0


def test_a_reader_knows_what_became_of_its_process_afterwards(world: World) -> None:
    process = world.start("puppet")
    reader = world.source.reader(process.key)
    assert reader.walk().family == world.source.require(process.key.pid).family
    process.grow()
    child = process.fork()
    assert reader.afterwards() == Afterwards(keeps_memory=True, has_waited=False)
    process.wait_for(child)
    assert reader.afterwards() == Afterwards(keeps_memory=True, has_waited=True)
    reader.walk()
    assert reader.afterwards() == Afterwards(keeps_memory=True, has_waited=False)
    process.execute("successor")
    assert not reader.afterwards().keeps_memory
    reader.walk()
    assert reader.afterwards().keeps_memory
    process.end()
    assert not reader.afterwards().keeps_memory
    reader.walk()
    process.reap()
    assert not reader.afterwards().keeps_memory


def test_a_glance_and_a_walk_agree(world: World) -> None:
    process = world.start("puppet")
    reader = world.source.reader(process.key)
    for _ in range(2):
        glance, reading = at_rest(reader)
        assert (glance.family, glance.ppid, glance.name) == (
            reading.family,
            reading.ppid,
            reading.name,
        )
        assert glance.rss_bytes == reading.memory.rss_bytes
        if world.splits_pss:
            assert reading.pages is not None
            assert (glance.anon_bytes, glance.file_bytes) == (
                reading.pages.anon_bytes,
                reading.pages.file_bytes,
            )
            assert reading.pages.anon_bytes == reading.pages.pss_anon_bytes
        else:
            assert reading.pages is None
        process.grow()


def at_rest(reader: ProcessReader) -> tuple[Glance, Reading]:
    """Return a glance and a walk between which nothing has changed.

    A puppet that has reported goes on for a moment, until it waits for its next order.
    """
    while True:
        before, reading = reader.glance(with_faults=True), reader.walk()
        if before is not None and reader.glance(with_faults=True) == before:
            return before, reading


def test_the_mappings_add_up_to_what_a_walk_finds(world: World) -> None:
    process = world.start("a")
    process.grow()
    child = process.fork()
    for key in (process.key, child.key):
        mapped, walked = mapped_and_walked(world, key)
        found, memory = sizes_of(mapped.groups), walked.memory
        assert mapped.reading.status is ReadStatus.MEASURED
        assert (found.uss_bytes, found.rss_bytes) == (memory.uss_bytes, memory.rss_bytes)
        assert found.pss_bytes is not None
        assert memory.pss_bytes is not None
        # The kernel cuts what each mapping has to whole kB.
        cut_bytes = KIB * sum(group.mappings for group in mapped.groups)
        assert 0 <= memory.pss_bytes - found.pss_bytes <= cut_bytes


def mapped_and_walked(world: World, key: ProcessKey) -> tuple[MappedReading, Reading]:
    """Return mappings and a walk between which nothing has changed.

    Others that map the same libraries start and end.
    """
    reader = world.source.reader(key)
    try:
        while True:
            before, mapped, after = reader.walk(), world.source.mappings(key), reader.walk()
            if before.memory == after.memory:
                return mapped, after
    finally:
        reader.close()


def test_what_has_ended_maps_nothing(world: World) -> None:
    process = world.start("a")
    process.end()
    assert world.source.mappings(process.key).reading.status is ReadStatus.NO_MEMORY
    process.reap()
    assert world.source.mappings(process.key) == MappedReading(GONE)


def test_a_glance_at_what_has_not_changed_is_the_same_object(world: World) -> None:
    process = world.start("puppet")
    reader = world.source.reader(process.key)
    at_rest(reader)
    first = reader.glance(with_faults=True)
    assert first is not None
    assert reader.glance(with_faults=False) is first
    assert reader.glance(with_faults=True) is first
    process.grow()
    grown = reader.glance(with_faults=False)
    assert grown is not None
    assert grown.anon_bytes > first.anon_bytes
    assert grown.faulted_bytes > first.faulted_bytes


def test_a_glance_shows_another_family_after_execve(world: World) -> None:
    process = world.start("puppet")
    reader = world.source.reader(process.key)
    before = reader.glance(with_faults=True)
    process.execute("successor")
    after = reader.glance(with_faults=True)
    assert before is not None
    assert after is not None
    assert after.family != before.family
    assert after.name == "successor"


def test_a_glance_shows_nothing_of_what_has_no_memory_or_has_ended(world: World) -> None:
    process = world.start("puppet")
    reader = world.source.reader(process.key)
    assert reader.glance(with_faults=True) is not None
    process.end()
    assert reader.glance(with_faults=True) is None
    process.reap()
    assert reader.glance(with_faults=True) is None
    assert reader.walk() == GONE


# Command lines


def test_a_command_line_is_that_of_the_program_that_runs_now(world: World) -> None:
    process = world.start("puppet")
    before = world.source.command_line(process.key)
    process.execute("other")
    after = world.source.command_line(process.key)
    assert before is not None
    assert after is not None
    assert (before.rpartition("/")[2], after.rpartition("/")[2]) == ("puppet", "other")


def test_what_has_ended_or_has_no_memory_has_no_command_line(world: World) -> None:
    process = world.start("puppet")
    process.end()
    assert world.source.command_line(process.key) is None
    assert world.source.command_line(world.kernel_thread()) is None


def test_a_recycled_pid_has_not_the_command_line_of_its_former_process(world: World) -> None:
    assert world.source.command_line(world.former_owner(world.start("puppet"))) is None


# Reading


def test_a_running_process_is_measured(world: World) -> None:
    process = world.start("puppet")
    reading = world.source.reader(process.key).walk()
    memory = reading.memory
    assert reading.status is ReadStatus.MEASURED
    assert (reading.name, reading.ppid) == ("puppet", process.parent_pid)
    assert memory.rss_bytes is not None
    assert memory.uss_bytes is not None
    assert 0 < memory.uss_bytes <= _pss(memory) <= memory.rss_bytes
    assert reading.rss_peak_bytes is not None
    assert reading.rss_peak_bytes >= memory.rss_bytes - COUNTED_PER_CPU
    assert memory.swap_pss_bytes is not None


def test_the_parts_of_pss_add_up_or_are_unknown(world: World) -> None:
    memory = world.source.reader(world.start("puppet").key).walk().memory
    parts = (memory.pss_anon_bytes, memory.pss_file_bytes, memory.pss_shmem_bytes)
    if not world.splits_pss:
        assert parts == (None, None, None)
        return
    assert memory.pss_bytes is not None
    # Each is cut to whole kB.
    assert memory.pss_bytes - sum(part or 0 for part in parts) in range(3 * 1024)


def test_growth_shows_and_the_peak_of_rss_stays(world: World) -> None:
    process = world.start("puppet")
    reader = world.source.reader(process.key)
    before = reader.walk()
    process.grow()
    grown = reader.walk()
    process.shrink()
    after = reader.walk()
    assert _pss(grown.memory) - _pss(before.memory) in _A_STEP
    assert _pss(grown.memory) - _pss(after.memory) in _A_STEP
    assert after.rss_peak_bytes is not None
    assert grown.memory.rss_bytes is not None
    assert after.rss_peak_bytes >= grown.memory.rss_bytes - COUNTED_PER_CPU


def test_a_zombie_has_a_name_and_no_memory(world: World) -> None:
    process = world.start("puppet")
    before = world.source.reader(process.key)
    before.walk()
    process.end()
    for reader in (before, world.source.reader(process.key)):
        reading = reader.walk()
        assert reading.status is ReadStatus.NO_MEMORY
        assert (reading.name, reading.ppid) == ("puppet", process.parent_pid)
        assert reading.memory == Memory()
        assert reading.rss_peak_bytes is None


def test_a_reaped_process_is_gone(world: World) -> None:
    process = world.start("puppet")
    before, unused = world.source.reader(process.key), world.source.reader(process.key)
    before.walk()
    process.end()
    process.reap()
    for reader in (before, unused, world.source.reader(process.key)):
        assert reader.walk() == GONE


def test_the_former_process_of_a_pid_is_gone(world: World) -> None:
    former = world.former_owner(world.start("puppet"))
    assert world.source.identify(former.pid) is not None
    assert world.source.reader(former).walk() == GONE


def test_a_kernel_thread_is_alive_and_has_no_memory(world: World) -> None:
    key = world.kernel_thread()
    identity = world.source.require(key.pid)
    assert identity.is_kernel_thread
    assert identity.is_alive
    assert key.pid in world.source.list_processes()
    reading = world.source.reader(key).walk()
    assert reading.status is ReadStatus.NO_MEMORY
    assert (reading.name, reading.ppid) == ("kthreadd", 0)
    assert reading.memory == Memory()


def test_a_process_of_another_user_is_denied_but_its_rss_is_known(world: World) -> None:
    process = world.start("puppet")
    measured = world.source.reader(process.key).walk()
    reading = world.read_as_stranger(process)
    assert reading.status is ReadStatus.DENIED
    assert (reading.name, reading.ppid) == ("puppet", process.parent_pid)
    assert reading.memory.rss_bytes
    rss_bytes = reading.memory.rss_bytes
    assert reading.memory == Memory(rss_bytes=rss_bytes, pss_low_bytes=0, pss_high_bytes=rss_bytes)
    assert reading.rss_peak_bytes is not None
    assert measured.rss_peak_bytes is not None
    assert abs(reading.rss_peak_bytes - measured.rss_peak_bytes) <= A_FEW_PAGES


def test_a_reader_follows_its_process_over_execve(world: World) -> None:
    process = world.start("puppet")
    reader = world.source.reader(process.key)
    assert reader.walk().name == "puppet"
    process.grow()
    big = reader.walk()
    process.execute("successor")
    small = reader.walk()
    assert (small.status, small.name) == (ReadStatus.MEASURED, "successor")
    assert _pss(big.memory) - _pss(small.memory) in _A_STEP
    assert small.rss_peak_bytes is not None
    assert big.rss_peak_bytes is not None
    # The kernel's mark begins anew with the new program.
    assert small.rss_peak_bytes < big.rss_peak_bytes
    assert world.source.require(process.key.pid).start_ticks == process.key.start_ticks


def test_a_process_whose_main_thread_has_ended_is_measured(world: World) -> None:
    process = world.start("puppet")
    process.start_thread()
    process.grow()
    reader = world.source.reader(process.key)
    before = reader.walk()
    process.end_main_thread()
    for reading in (reader.walk(), world.source.reader(process.key).walk()):
        assert reading.status is ReadStatus.MEASURED
        assert (reading.name, reading.ppid) == ("puppet", process.parent_pid)
        assert _pss(before.memory) - _pss(reading.memory) <= A_FEW_PAGES
    process.end()
    assert reader.walk().status is ReadStatus.NO_MEMORY


def test_closing_is_harmless_when_repeated_and_a_reader_reads_on(world: World) -> None:
    process = world.start("puppet")
    reader = world.source.reader(process.key)
    reader.close()
    assert reader.walk().status is ReadStatus.MEASURED
    reader.close()
    reader.close()
    assert reader.walk().status is ReadStatus.MEASURED


def test_reading_and_closing_leave_no_descriptor(world: World) -> None:
    process = world.start("puppet")
    before = _descriptors()
    reader = world.source.reader(process.key)
    reader.walk()
    reader.close()
    assert _descriptors() == before
    process.end()
    reader.walk()
    assert _descriptors() == before


def test_past_its_bound_a_source_keeps_nothing_open(start: Callable[..., Target]) -> None:
    target = start("cat")
    source = LinuxProcSource(max_descriptors=0)
    before = _descriptors()
    reader = source.reader(
        ProcessKey(target.pid, source.require(target.pid).start_ticks),
    )
    assert reader.walk().status is ReadStatus.MEASURED
    assert _descriptors() == before
    assert source.budget.held == 0


def _descriptors() -> list[str]:
    return os.listdir("/proc/self/fd")


def _pss(memory: Memory) -> int:
    assert memory.pss_bytes is not None
    return memory.pss_bytes
