"""Process names are chosen by others: nothing in them may break a line, a terminal or a parser."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.preloaded import memstat
from tests.targets import Target, memstat_path, python

NAMES = {
    b"a) S 1 (b": "a) S 1 (b",
    b"(((": "(((",
    b")": ")",
    b"": "",
    b" ": " ",
    b"two  words": "two  words",
    b"new\nline": r"new\nline",
    b"\ttab\r": r"\ttab\r",
    b"\x1b[31mred": r"\x1b[31mred",
    b"\x1b]0;title\x07": r"\x1b]0;title\x07",
    b"caf\xc3\xa9": "café",
    "日本".encode(): "日本",
    b"\xff\xfe bytes": r"\xff\xfe bytes",
    "\u202egnp".encode(): r"\u202egnp",
    "\x9b31m".encode(): r"\x9b31m",
    b"back\\slash\\n": r"back\slash\n",
    b"Total: 1 kB": "Total: 1 kB",
}


every_name = pytest.mark.parametrize("name", NAMES, ids=lambda name: re.sub(r"\W", "_", repr(name)))

FAMILY = python(f"""
import ctypes, os, signal
PR_SET_NAME = 15
reading, writing = os.pipe()
for name in {[*NAMES]!r}:
    pid = os.fork()
    if pid == 0:
        assert ctypes.CDLL(None).prctl(PR_SET_NAME, name, 0, 0, 0) == 0
        os.write(writing, b'.')
        signal.pause()
    os.read(reading, 1)
    print(pid, end=' ')
print()
signal.pause()
""")
"""A child for each of the names; prints their PIDs."""


class Family(NamedTuple):
    """A process, and its children by their names."""

    parent: int
    children: dict[bytes, int]


@pytest.fixture(scope="module")
def family() -> Iterator[Family]:
    """A process with a child of each strange name."""
    target = Target.start(*FAMILY)
    children = dict(zip(NAMES, map(int, target.line().split()), strict=True))
    for name, pid in children.items():
        assert Path(f"/proc/{pid}/comm").read_bytes() == name + b"\n"
    yield Family(target.pid, children)
    target.kill()


Printed = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def printed(family: Family) -> Printed:
    """Measure all of them, once in each environment."""

    @cache
    def measure(*environment: tuple[str, str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [memstat_path(), "get", "-rv", str(family.parent)],
            capture_output=True,
            env={**os.environ, **dict(environment)},
        )

    return measure


def line_of(pid: int, stdout: bytes) -> bytes:
    """Return the line of one of them: each has one, as their parent and the total."""
    lines = stdout.split(b"\n")
    assert len(lines) == len(NAMES) + 3
    (line,) = [line for line in lines if line.startswith(b"  [%d] " % pid)]
    return line


@every_name
def test_a_line_stays_one_printable_line(name: bytes, family: Family, printed: Printed) -> None:
    done = printed()
    assert (done.returncode, done.stderr) == (0, b"")
    process = line_of(family.children[name], done.stdout).decode()
    assert process.isprintable()
    assert re.fullmatch(r"  \[\d+\] \d+ kB \((.*)\)", process)
    assert process.endswith(f"({NAMES[name]})")
    assert done.stdout.splitlines()[-1].startswith(b"Total: ")


@every_name
@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1:strict"},
    ],
    ids=str,
)
def test_any_encoding_of_stdout_takes_it(
    name: bytes, environment: dict[str, str], family: Family, printed: Printed
) -> None:
    done = printed(*environment.items())
    assert (done.returncode, done.stderr) == (0, b"")
    line = line_of(family.children[name], done.stdout)
    if NAMES[name].isascii():
        assert line.endswith(f"({NAMES[name]})".encode())


@pytest.fixture(scope="module")
def in_json(family: Family) -> str:
    return memstat("get", "-r", "--json", str(family.parent)).stdout


@every_name
def test_json_holds_the_name_itself(name: bytes, family: Family, in_json: str) -> None:
    assert in_json.isascii()
    names = {process["pid"]: process["name"] for process in json.loads(in_json)["processes"]}
    assert names[family.children[name]] == name.decode("utf-8", "backslashreplace")


def test_a_run_of_a_strange_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    program = tmp_path_factory.mktemp("names") / "a)\x1b[1m \n"
    program.symlink_to("/bin/sleep")
    done = memstat("run", "-v", str(program), "0.2")
    assert done.returncode == 0
    assert r"(a)\x1b[1m \n)" in done.stderr
    missing = memstat("run", str(program) + "x")
    assert missing.returncode == 127
    assert missing.stderr == f"memstat: {program.parent}/a)\\x1b[1m \\nx: command not found\n"
