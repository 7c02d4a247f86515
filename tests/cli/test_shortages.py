"""What memstat does where a resource has run out: one line, 125, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.harness import assert_one_line, processes_with
from tests.targets import memstat_path

USER_WITHOUT_PROCESSES = 64321
CONTROLLERS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))


@pytest.fixture
def marker() -> Iterator[str]:
    """An assignment for the environment of all that a test starts; nothing of it may be left."""
    marker = f"MARKER={uuid.uuid4()}"
    yield marker
    assert processes_with(marker) == []


@pytest.fixture
def pids_group() -> Iterator[Path]:
    """A control group that limits processes and threads."""
    root = next((c for c in CONTROLLERS if (c / "cgroup.procs").exists()), None)
    if root is None or os.geteuid() != 0:
        pytest.skip("control groups need root and a mounted hierarchy")
    group = root / f"memstat-test-{uuid.uuid4()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    if not (group / "pids.max").exists():
        group.rmdir()
        pytest.skip("there is no pids controller")
    yield group
    group.rmdir()


def run(
    before: str, *arguments: str, marker: str, program: str = memstat_path()
) -> subprocess.CompletedProcess[str]:
    """Run memstat from a shell after another command of the shell."""
    script = f'{before} && exec env {marker} "$0" "$@"'
    return subprocess.run(
        ["bash", "-c", script, program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("options", [["-r"], ["-rv", "--json"]])
def test_no_room_for_a_thread(pids_group: Path, marker: str, most: int, options: list[str]) -> None:
    (pids_group / "pids.max").write_text(str(most))
    enter = f"echo $$ > {pids_group}/cgroup.procs"
    done = run(enter, "run", *options, "--", "sleep", "0.2", marker=marker)
    if done.returncode == 0:
        assert most > 2, "memstat, a thread and the command"
    else:
        assert done.returncode == 125
        assert_one_line(done.stderr, "a limit on processes", "ulimit -u")


@pytest.mark.skipif(os.geteuid() != 0, reason="plays another user, without processes yet")
@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_few_processes_for_a_user(marker: str, most: int) -> None:
    # It may still read an interpreter that lies in a closed folder.
    capabilities = "+dac_override,+dac_read_search"
    user = ["setpriv", f"--reuid={USER_WITHOUT_PROCESSES}", "--clear-groups"]
    user += [f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"]
    user += ["--bounding-set=-sys_admin,-sys_resource"]
    script = f'ulimit -u {most} && exec env {marker} "$0" run -r -- sleep 0.2'
    done = subprocess.run(
        [*user, "bash", "-c", script, memstat_path()], capture_output=True, text=True, timeout=60
    )
    if done.returncode == 0:
        assert most > 2, "memstat, a thread and the command"
    else:
        assert done.returncode == 125
        assert_one_line(done.stderr, "a limit on processes", "ulimit -u")


@pytest.mark.parametrize("most", [5, 6, 8, 10, 12, 15, 20])
def test_few_descriptors(marker: str, most: int) -> None:
    # dash reads any script, as the launcher, from a descriptor above 9: below 13 it starts nothing.
    program = memstat_path() + ("-python" if most < 13 else "")
    done = run(
        f"ulimit -n {most}", "run", "-r", "--", "sleep", "0.2", marker=marker, program=program
    )
    if done.returncode != 0:
        assert done.returncode == 125
        assert_one_line(done.stderr, "file descriptors", "ulimit -n")


@pytest.mark.parametrize("most", [8, 10, 11, 12])
def test_too_few_descriptors_for_the_launcher(marker: str, most: int) -> None:
    # What it says is the shell's own, from 11 on with our status.
    done = run(f"ulimit -n {most}", "run", "--", "sleep", "0.2", marker=marker)
    if done.returncode != 0:
        assert done.returncode == (125 if most > 10 else 2)
        assert done.stderr.count("\n") == 1, done.stderr


# Python has its own ways to fail in 10 to 20 MB, and libraries that it loads in 24 to 28 MB.
@pytest.mark.parametrize(
    "limit",
    [f"-v {kib}" for kib in (6000, 11000, 12000, 16000, 20000, 21000, 24000, 26000, 30000, 60000)]
    + [f"-d {kib}" for kib in (3000, 8000, 11000)],
)
@pytest.mark.parametrize("command", ["run -r -- sleep 0.2", "get 1"])
def test_little_memory(marker: str, limit: str, command: str) -> None:
    done = run(f"ulimit {limit}", *command.split(), marker=marker)
    if done.returncode != 0:
        assert done.returncode == (1 if command.startswith("get") else 125)
        assert_one_line(done.stderr)


@pytest.mark.parametrize("hide", ["mount -t tmpfs -o ro none /tmp", "mount -t tmpfs none /tmp"])
def test_no_directory_for_temporary_files(hide: str, marker: str) -> None:
    if memstat_path().startswith("/tmp/"):
        pytest.skip("memstat itself lies in the directory that would be hidden")
    full = "mount -t tmpfs -o size=4k none /dev/shm; head -c 8192 /dev/zero >/dev/shm/x 2>/dev/null"
    script = f'{hide} || exit 77; {full}; cd /; exec env {marker} "$0" run -- sh -c "exit 3"'
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script, memstat_path()], capture_output=True, text=True
    )
    if done.returncode in (1, 77):
        pytest.skip(f"nothing can be mounted: {done.stderr.strip()}")
    assert done.returncode == 3
