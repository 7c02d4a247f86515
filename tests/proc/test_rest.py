"""What proves that a process has not run since it was looked at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memstat.proc.linux import LinuxProcSource
from memstat.proc.rest import Rest, is_reported
from tests.targets import Target

FIELDS = b"0 " * 15


def stat_text(state: bytes = b"S", threads: bytes = b"1") -> bytes:
    return b"7 (a) b) " + state + b" 1 " + FIELDS + threads + b" 0 500 0"


class Look:
    """Looks at a process of which the schedstat is made up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(b"1 1 1\n")
        self.fd = os.open(path, os.O_RDONLY)
        self.rest = Rest(self.fd)

    def __call__(self, stat: bytes = stat_text(), *, schedstat: bytes | None = None) -> bool:
        """Whether it is known, without a look, that it has not run; look otherwise."""
        if schedstat is not None:
            self.path.write_bytes(schedstat)
        if self.rest.lasts():
            return True
        self.rest.note(stat)
        return False


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Look]:
    made = Look(tmp_path / "schedstat")
    yield made
    os.close(made.fd)


def test_two_looks_at_one_that_sleeps_prove_that_it_has_not_run_since(look: Look) -> None:
    assert [look() for _ in range(5)] == [False, False, True, True, True]


@pytest.mark.parametrize("changed", [b"2 1 1\n", b"1 2 1\n", b"1 1 2\n", b"1 1 1\n1"])
def test_each_change_of_the_text_ends_the_proof(look: Look, changed: bytes) -> None:
    assert [look() for _ in range(3)] == [False, False, True]
    assert not look(schedstat=changed)
    assert [look() for _ in range(4)] == [False, False, False, True]


@pytest.mark.parametrize("stat", [stat_text(b"R"), stat_text(b"Z"), stat_text(threads=b"2")])
def test_nothing_is_proved_of_one_that_may_run(look: Look, stat: bytes) -> None:
    assert not any(look(stat) for _ in range(99))
    assert not look()


def test_one_that_may_have_run_between_two_looks_has_to_sleep_at_two_others(look: Look) -> None:
    assert [look(), look(stat_text(b"R"))] == [False, False]
    assert [look() for _ in range(4)] == [False, False, False, True]


def test_one_that_runs_all_the_time_is_asked_seldom(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = names_of_what_is_read(monkeypatch)
    for number in range(1000):
        look.path.write_bytes(b"1 1 %d\n" % number)
        assert not look.rest.lasts()
        look.rest.note(stat_text())
    assert len(read) < 60


def test_of_a_process_at_rest_no_more_is_read_than_proves_it(
    start: Callable[..., Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_reported():
        pytest.skip("this kernel does not count how often processes are put on a CPU")
    target = start("sleep", "1000")
    source = LinuxProcSource()
    reader = source.reader(source.require(target.pid).key)
    read = names_of_what_is_read(monkeypatch)
    glance = None
    while read != ["statm", "schedstat"]:
        read.clear()
        glance = reader.glance(with_faults=True, with_parent=False)
    assert glance is not None
    read.clear()
    assert reader.glance(with_faults=True, with_parent=True) is glance
    assert read == ["statm", "schedstat", "stat"]
    held = source.budget.held
    reader.close()
    assert (held, source.budget.held) == (3, 0)


def test_without_descriptors_to_spare_none_is_taken_to_save_time(
    start: Callable[..., Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = start("sleep", "1000")
    source = LinuxProcSource(max_descriptors=4)
    reader = source.reader(source.require(target.pid).key)
    read = names_of_what_is_read(monkeypatch)
    for _ in range(99):
        reader.glance(with_faults=True, with_parent=False)
    assert source.budget.held == 2
    assert "schedstat" not in read
    reader.close()


def names_of_what_is_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which the name of each file is added that is read from now on."""
    read: list[str] = []
    pread = os.pread

    def noted(fd: int, size: int, offset: int) -> bytes:
        read.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        return pread(fd, size, offset)

    monkeypatch.setattr(os, "pread", noted)
    return read
