"""Help, version, and usage that is wrong before a command is chosen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from memstat import __version__
from tests import targets
from tests.cli.harness import assert_one_line
from tests.preloaded import memstat
from tests.targets import memstat_path


def test_version_names_the_program() -> None:
    done = memstat("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"memstat {__version__}\n", "")


SHARED = {"-r", "--recursively", "--recursive", "-v", "--verbose", "-f", "--frequency"}
SHARED |= {"-i", "--interval", "--bytes", "--json", "--help"}
OF_GET = SHARED | {"-w", "--watch"}
OF_RUN = SHARED | {"--peak", "--no-peak", "--only-peak", "-O", "--redirect-process-stdout-to"}
OF_RUN |= {"-E", "--redirect-process-stderr-to", "--report", "--append"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], {"get", "run", "--version"}),
        (["get", "--help"], OF_GET),
        (["run", "--help"], OF_RUN),
    ],
)
def test_help_names_every_option(arguments: list[str], words: set[str]) -> None:
    done = memstat(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert words <= set(done.stdout.replace(",", " ").split())


@pytest.mark.parametrize("arguments", [["-h"], ["-rh"], ["-v", "-f", "5", "-h", "ls", "-l"]])
def test_h_before_the_command_is_help(arguments: list[str]) -> None:
    done = memstat("run", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == memstat("run", "--help").stdout


@pytest.mark.parametrize("arguments", [["echo", "-h"], ["-f", "5", "-r", "echo", "-h"]])
def test_h_after_the_command_is_not_memstats(arguments: list[str]) -> None:
    done = memstat("run", *arguments)
    assert (done.returncode, done.stdout) == (125, "")
    assert_one_line(done.stderr, "no such option: -h")
    assert memstat("run", "--no-peak", "--", "echo", "-h").stdout == "-h\n"


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["get", "--help"], ["run", "--help"], ["bogus"]]
)
def test_the_module_is_the_command(arguments: list[str]) -> None:
    module = subprocess.run(
        [sys.executable, "-m", "memstat", *arguments], capture_output=True, text=True
    )
    command = targets.memstat(*arguments)
    assert module.returncode == command.returncode
    assert module.stdout == command.stdout
    assert module.stderr == command.stderr


def test_an_unknown_command_is_wrong_usage() -> None:
    done = memstat("bogus")
    assert done.returncode == 2
    assert_one_line(done.stderr, "bogus", "memstat --help")


def test_no_command_shows_help_on_stderr() -> None:
    done = memstat()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: memstat")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["get", "--help"]])
def test_help_on_a_full_disk_is_an_error(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([memstat_path(), *arguments], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert_one_line(done.stderr.decode(), "No space left")
