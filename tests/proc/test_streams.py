"""Which paths name a stream that this process has inherited."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memstat.proc.streams import duplicate, stream_of


@pytest.mark.parametrize(
    ("path", "fd"),
    [
        ("/dev/stdout", 1),
        ("/dev//stderr", 2),
        ("/dev/fd/10", 10),
        ("/proc/self/fd/1", 1),
        ("/proc/thread-self/fd/1", 1),
        ("/proc/1/fd/1", None),
        ("/dev/fd/x", None),
        ("/dev/null", None),
        ("stdout", None),
        ("", None),
    ],
)
def test_the_stream_that_a_path_names(path: str, fd: int | None) -> None:
    assert stream_of(path) == fd


def test_our_own_pid_names_our_stream() -> None:
    assert stream_of(f"/proc/{os.getpid()}/fd/1") == 1


def test_a_link_to_a_stream_names_it(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("/dev/stdout")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "endless").symlink_to("endless")
    assert stream_of(str(tmp_path / "two")) == 1
    assert stream_of(str(tmp_path / "endless")) is None


@pytest.mark.parametrize(("flags", "inheritable"), [(os.O_RDONLY, True), (os.O_WRONLY, False)])
def test_what_is_no_stream_to_write_to_is_refused(flags: int, *, inheritable: bool) -> None:
    fd = os.open("/dev/null", flags)
    try:
        os.set_inheritable(fd, inheritable)
        with pytest.raises(OSError, match="Bad file descriptor"):
            duplicate(fd)
    finally:
        os.close(fd)
