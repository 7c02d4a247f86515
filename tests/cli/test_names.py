"""Process names are chosen by others: nothing in them may break a line, a terminal or a parser."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable

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


@pytest.fixture(params=NAMES, ids=lambda name: re.sub(r"\W", "_", repr(name)))
def named(request: pytest.FixtureRequest, start: Callable[..., Target]) -> tuple[Target, bytes]:
    """A process with a strange name."""
    target = start(
        *python(f"""
import ctypes, signal
PR_SET_NAME = 15
assert ctypes.CDLL(None).prctl(PR_SET_NAME, {request.param!r}, 0, 0, 0) == 0
print('ready')
signal.pause()
""")
    )
    target.line()
    with open(f"/proc/{target.pid}/comm", "rb") as comm:
        assert comm.read() == request.param + b"\n"
    return target, request.param


def test_a_line_stays_one_printable_line(named: tuple[Target, bytes]) -> None:
    target, name = named
    done = memstat("get", "-v", str(target.pid))
    assert (done.returncode, done.stderr) == (0, "")
    process, total = done.stdout.splitlines()
    assert process.isprintable()
    assert re.fullmatch(rf"\[{target.pid}\] \d+ kB \((.*)\)", process)
    assert process.endswith(f"({NAMES[name]})")
    assert total.startswith("Total: ")


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
    named: tuple[Target, bytes], environment: dict[str, str]
) -> None:
    target, name = named
    done = subprocess.run(
        [memstat_path(), "get", "-v", str(target.pid)],
        capture_output=True,
        env={**os.environ, **environment},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 2
    if NAMES[name].isascii():
        assert done.stdout.splitlines()[0].endswith(f"({NAMES[name]})".encode())


def test_json_holds_the_name_itself(named: tuple[Target, bytes]) -> None:
    target, name = named
    done = memstat("get", "--json", str(target.pid))
    assert done.stdout.isascii()
    name_in_json = json.loads(done.stdout)["processes"][0]["name"]
    assert name_in_json == name.decode("utf-8", "backslashreplace")


def test_a_run_of_a_strange_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    program = tmp_path_factory.mktemp("names") / "a)\x1b[1m \n"
    program.symlink_to("/bin/sleep")
    done = memstat("run", "-v", str(program), "0.2")
    assert done.returncode == 0
    assert r"(a)\x1b[1m \n)" in done.stderr
    missing = memstat("run", str(program) + "x")
    assert missing.returncode == 127
    assert missing.stderr == f"memstat: {program.parent}/a)\\x1b[1m \\nx: command not found\n"
