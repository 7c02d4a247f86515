"""A command survives whatever goes wrong when memstat reads /proc (strace injects the errors)."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.targets import memstat_path

SURVIVOR = ("sh", "-c", "sleep 0.8; echo finished; exit 7")


def _can_trace() -> bool:
    strace = shutil.which("strace")
    return (
        strace is not None and subprocess.run([strace, "true"], capture_output=True).returncode == 0
    )


pytestmark = pytest.mark.skipif(not _can_trace(), reason="strace cannot trace here")


@pytest.mark.parametrize(
    "fault",
    [
        ("pread64", "-e", "inject=pread64:error=ENOMEM:when=21..23"),
        ("pread64", "-e", "inject=pread64:error=EIO:when=30..60"),
        ("pread64", "-e", "inject=pread64:error=EINTR:when=12+5"),
        ("pread64", "-e", "inject=pread64:error=EIO:when=9+1"),
        ("openat", "-P", "/proc", "-e", "inject=openat:error=ENOMEM:when=4+2"),
    ],
)
def test_the_command_goes_on_and_its_status_is_kept(fault: tuple[str, ...]) -> None:
    call, *injection = fault
    tracing = ("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", *injection, "--")
    done = subprocess.run(
        [*tracing, memstat_path(), "run", "-r", "--", *SURVIVOR],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "finished\n"), done.stderr
    # A busy machine may say besides that ticks were missed.
    assert len([line for line in done.stderr.splitlines() if "missed" not in line]) <= 4
