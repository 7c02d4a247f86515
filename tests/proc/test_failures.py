"""Reads of /proc that fail though the process is alive and may be read."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from memstat.errors import ListingError, TooManyDescriptors, UnreadableProcess
from memstat.model import Memory, ProcessKey, ReadStatus
from memstat.proc.linux import LinuxProcSource
from memstat.proc.signals import Delivery, SignalTarget, is_alive
from memstat.sampling.sweep import sweep_once
from tests.scopes import scope_of
from tests.targets import Target

REASONS = {
    errno.ENOMEM: "Cannot allocate memory (ENOMEM)",
    errno.EIO: "Input/output error (EIO)",
    errno.EINTR: "Interrupted system call (EINTR)",
}


@pytest.fixture
def key(start: Callable[..., Target]) -> ProcessKey:
    target = start("cat")
    target.send("ready")
    target.line()
    return LinuxProcSource().require(target.pid).key


@contextmanager
def failing_reads(
    monkeypatch: pytest.MonkeyPatch, code: int, times: int = 1000, text: bytes | None = None
) -> Iterator[None]:
    """Let the next reads of /proc fail, or return this text."""
    left = [times]
    read = os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        if left[0] <= 0:
            return read(fd, size, offset)
        left[0] -= 1
        if text is not None:
            return text
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr("memstat.proc.reader.os.pread", pread)
        yield


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize("descriptors", [100, 0])
def test_a_read_that_fails_is_data_and_the_next_one_succeeds(
    key: ProcessKey, code: int, descriptors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = LinuxProcSource(max_descriptors=descriptors).reader(key)
    reader.walk()
    with failing_reads(monkeypatch, code):
        failed = reader.walk()
    assert (failed.status, failed.reason) == (ReadStatus.UNREADABLE, REASONS[code])
    assert failed.memory == Memory()
    assert reader.walk().status is ReadStatus.MEASURED
    reader.close()


def test_a_text_that_cannot_be_understood_is_data(
    key: ProcessKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = LinuxProcSource().reader(key)
    with failing_reads(monkeypatch, 0, text=b"7 (a) nonsense"):
        failed = reader.walk()
    assert failed.status is ReadStatus.UNREADABLE
    assert failed.reason is not None
    assert failed.reason.startswith("/proc/PID/stat: ")
    assert reader.walk().status is ReadStatus.MEASURED
    reader.close()


@pytest.mark.parametrize("times", range(12))
def test_one_failed_read_after_another_never_leaves_the_sweep_by_an_exception(
    key: ProcessKey, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LinuxProcSource()
    with failing_reads(monkeypatch, errno.ENOMEM, times):
        snapshot = sweep_once(source, scope_of(key, recursive=False))
    assert [p.status for p in snapshot.processes] in (
        [ReadStatus.MEASURED],
        [ReadStatus.UNREADABLE],
    )
    assert snapshot.complete == (snapshot.processes[0].status is ReadStatus.MEASURED)


def test_a_shortage_of_descriptors_is_a_failure_of_memstat(
    key: ProcessKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LinuxProcSource()
    with failing_reads(monkeypatch, errno.EMFILE), pytest.raises(TooManyDescriptors):
        source.reader(key).walk()


def test_an_identity_that_cannot_be_read_is_an_error_of_its_own(
    key: ProcessKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LinuxProcSource()
    with failing_reads(monkeypatch, errno.EIO, times=1):
        assert source.identify(key.pid) is not None
    expected = f"process {key.pid} could not be read: Input/output error \\(EIO\\)"
    with failing_reads(monkeypatch, errno.EIO):
        for ask in (source.identify, source.require):
            with pytest.raises(UnreadableProcess, match=expected):
                ask(key.pid)
        assert source.command_line(key) is None


def test_a_process_that_cannot_be_read_is_taken_for_alive_and_gets_no_signal(
    key: ProcessKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LinuxProcSource()
    with failing_reads(monkeypatch, errno.EIO):
        assert is_alive(source, key)
        assert SignalTarget(source, key).send(0) is not Delivery.SENT
    assert SignalTarget(source, key).send(0) is Delivery.SENT


def test_a_listing_that_fails_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(_: str) -> None:
        raise OSError(errno.ENOMEM, "no")

    source = LinuxProcSource()
    monkeypatch.setattr("memstat.proc.linux.os.scandir", scandir)
    with pytest.raises(ListingError, match="Cannot allocate memory"):
        source.list_processes()
