"""The installed command: a shell script that becomes ``memstat-python``, which stands beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.targets import memstat_path, python

PIPE_BIT = 1 << 12
CHLD_BIT = 1 << 16
IGNORED = ("grep", "SigIgn", "/proc/self/status")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A copy of the command in a directory with a space in its name."""
    directory = tmp_path / "with space" / "bin"
    directory.mkdir(parents=True)
    for name in ("memstat", "memstat-python"):
        shutil.copy(Path(memstat_path()).with_name(name), directory)
    return directory / "memstat"


def version(command: list[str], **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert (done.returncode, done.stderr) == (0, "")
    return str(done.stdout).split()[0]


# Where it is.


def test_by_its_path(installed: Path) -> None:
    assert version([str(installed), "--version"]) == "memstat"
    assert version(["./memstat", "--version"], cwd=installed.parent) == "memstat"
    assert version(["sh", "memstat", "--version"], cwd=installed.parent) == "memstat"


def test_by_the_search_path(installed: Path) -> None:
    path = {"PATH": f"{installed.parent}:/usr/bin:/bin"}
    assert version(["sh", "-c", "memstat --version"], env=path) == "memstat"
    assert version(["env", "memstat", "--version"], env=path) == "memstat"


@pytest.mark.parametrize("target", ["absolute", "relative", "chain"])
def test_by_a_link(installed: Path, tmp_path: Path, target: str) -> None:
    link = tmp_path / "link"
    if target == "chain":
        (tmp_path / "other").symlink_to(installed)
        link.symlink_to("other")
    else:
        relative = os.path.relpath(installed, tmp_path)
        link.symlink_to(installed if target == "absolute" else relative)
    assert version([str(link), "--version"]) == "memstat"
    assert version(["./link", "--version"], cwd=tmp_path) == "memstat"


def test_without_any_environment(installed: Path) -> None:
    command = [str(installed), "run", "--no-peak", "--", "/usr/bin/env"]
    done = subprocess.run(command, env={}, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_without_od_the_environment_is_nearly_the_same(installed: Path) -> None:
    # In a shell's own words: names that it does not know are lost.
    launcher = installed.read_text().replace("exec od", "exec no-such-command")
    installed.write_text(launcher)
    given = {"ONE": "1", "PYTHONPATH": "/nowhere", "PYTHONHOME": ""}
    command = [str(installed), "run", "--no-peak", "--", "/usr/bin/env"]
    done = subprocess.run(command, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = dict(line.split("=", 1) for line in done.stdout.splitlines())
    shown.pop("PWD", None)
    assert shown == given


# What it hands on.


@pytest.mark.parametrize("path", ["PYTHONPATH", "PYTHONHOME"])
def test_a_python_path_for_the_command_does_not_lead_memstat_astray(
    tmp_path: Path, path: str
) -> None:
    for name in ("click", "typing", "signal", "anyio", "memstat"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    command = [memstat_path(), "run", "--no-peak", "--", "sh", "-c", f'echo "${path}"']
    done = subprocess.run(
        command, env={**os.environ, path: str(tmp_path)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}\n", "")


@pytest.mark.parametrize("options", [[], ["-r"]])
def test_an_ignored_sigpipe_stays_ignored_in_the_command(options: list[str]) -> None:
    script = "trap '' PIPE; \"$@\""
    shown = subprocess.run(
        ["sh", "-c", script, "sh", memstat_path(), "run", "--no-peak", *options, "--", *IGNORED],
        capture_output=True,
        text=True,
    ).stdout
    assert int(shown.split()[1], 16) & PIPE_BIT


def test_as_a_module_a_command_gets_the_default() -> None:
    module = [sys.executable, "-m", "memstat", "run", "--no-peak", "--", *IGNORED]
    shown = subprocess.run(module, capture_output=True, text=True).stdout
    assert not int(shown.split()[1], 16) & PIPE_BIT


def test_as_a_module_an_ignored_sigchld_stays_ignored() -> None:
    module = ["env", "--ignore-signal=CHLD", sys.executable, "-m", "memstat", "run", "--no-peak"]
    shown = subprocess.run([*module, "--", *IGNORED], capture_output=True, text=True).stdout
    assert int(shown.split()[1], 16) & CHLD_BIT
    status = subprocess.run([*module, "--", "sh", "-c", "exit 3"], capture_output=True)
    assert (status.returncode, status.stderr) == (3, b"")


def test_the_process_is_called_memstat() -> None:
    name = python("import os; print(open(f'/proc/{os.getppid()}/comm').read(), end='')")
    done = subprocess.run(
        [memstat_path(), "run", "--no-peak", "--", *name], capture_output=True, text=True
    )
    assert done.stdout == "memstat\n"


# systemd.


@pytest.mark.parametrize("name", ["LISTEN_PID", "WATCHDOG_PID", "SYSTEMD_EXEC_PID"])
def test_a_variable_that_names_memstat_names_the_command(name: str) -> None:
    show = f'echo "${name} $$ $LISTEN_FDS ${{LISTEN_PIDFDID-none}}"'
    script = f'export {name}=$$ LISTEN_FDS=1 LISTEN_PIDFDID=7; exec "$0" run --no-peak -- "$@"'
    done = subprocess.run(
        ["sh", "-c", script, memstat_path(), "sh", "-c", show], capture_output=True, text=True
    )
    named, pid, descriptors, pidfd = done.stdout.split()
    assert (named, descriptors, pidfd) == (pid, "1", "none")


def test_a_variable_that_names_another_process_is_left_alone() -> None:
    command = [memstat_path(), "run", "--no-peak", "--", "sh", "-c", 'echo "$LISTEN_PID"']
    done = subprocess.run(
        command, env={**os.environ, "LISTEN_PID": "1"}, capture_output=True, text=True
    )
    assert done.stdout == "1\n"


@pytest.mark.parametrize(("command", "status"), [("no-such-command", 127), ("/etc/passwd", 126)])
def test_a_command_that_cannot_be_started_keeps_its_status(command: str, status: int) -> None:
    script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" run --no-peak -- "$1"'
    done = subprocess.run(["sh", "-c", script, memstat_path(), command], capture_output=True)
    assert done.returncode == status
    assert done.stderr.count(b"\n") == 1
