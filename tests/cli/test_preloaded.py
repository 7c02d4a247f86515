"""The memstat that tests fork from a process that has loaded it behaves as the installed one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests import preloaded, targets
from tests.targets import python

# It stays one program: with "exec sleep", either may be the one of the peak.
TALK = python("""
import sys, time
print('out')
print('err', file=sys.stderr)
time.sleep(0.5)
""")
EXIT = ("sh", "-c", "exit 3")
REMARK = re.compile(r"memstat: (the peak|the total|missed|\d+ of) .*\n")
"""On the quality of what was measured, which depends on the machine."""
STATE = python("""
import os, re
print(os.getcwd(), os.umask(0), os.getsid(0), os.getpgrp(), sorted(os.listdir('/proc/self/fd')))
print(*[line for line in open('/proc/self/status') if re.match('Sig[^Q]|Shd|Cap', line)])
print(*[f'{n}={v}' for n, v in os.environ.items() if n != '_'], sep='\\n')
""")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["run", "--help"],
        ["help", "json"],
        ["completion", "bash"],
        [],
        ["bogus"],
        ["get"],
        ["get", "x"],
        ["get", "4194305"],
        ["get", "--json", "1"],
        ["get", "-f", "0", "1"],
        ["run"],
        ["run", "--bogus", "true"],
        ["run", "-f", "0", "true"],
        ["run", "nosuch-command"],
        ["run", "/etc"],
        ["run", "-O", "/", "true"],
        ["run", "--", *TALK],
        ["run", "-rv", "-i", "100", "--", *TALK],
        ["run", "--no-peak", "--", *EXIT],
        ["run", "--json", "--", *TALK],
        ["run", "--only-peak", "--", *TALK],
        ["run", "--no-peak", "--", "sh", "-c", "kill -TERM $$"],
        ["run", "--max-pss", "1k", "--", "sleep", "60"],
        ["run", "--no-peak", "--", *STATE],
        ["run", "--no-peak", "-r", "--", *STATE],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_both_do_the_same(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRANGE", "a\nb")
    # As Python knows the environment: modules in C, such as readline, add to it behind its back.
    installed = targets.memstat(*arguments, env=os.environ)
    forked = preloaded.memstat(*arguments)
    assert forked.returncode == installed.returncode
    if "--no-peak" in arguments:
        assert forked.stdout == installed.stdout
    # Sizes, times and PIDs differ from run to run; and whether the peak was glanced at or walked.
    assert comparable(forked.stdout) == comparable(installed.stdout)
    # Lines of two programs: which comes first is a matter of moments.
    assert lines_of(forked.stderr) == lines_of(installed.stderr)


def lines_of(text: str) -> list[str]:
    return sorted(comparable(text).splitlines())


def comparable(text: str) -> str:
    return re.sub(r"~?\d[\d.e-]*|\bnull\b", "N", REMARK.sub("", text))


def test_what_a_test_changes_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONE", "1")
    assert preloaded.memstat("run", "--", "sh", "-c", "echo $ONE; pwd").stdout == f"1\n{tmp_path}\n"
    monkeypatch.delenv("ONE")
    assert preloaded.memstat("run", "--", "sh", "-c", "echo $ONE.").stdout == ".\n"


def test_a_request_that_failed_harms_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preloaded, "_WITHIN_S", 0.2)
    with pytest.raises(subprocess.TimeoutExpired):
        preloaded.memstat("run", "--", "sleep", "60")
    monkeypatch.undo()
    assert preloaded.memstat("run", "--no-peak", "--", "echo", "again").stdout == "again\n"


def test_every_run_is_a_process_of_its_own() -> None:
    parent = ("run", "--no-peak", "--", "sh", "-c", "echo $PPID")
    pids = {int(preloaded.memstat(*parent).stdout) for _ in range(2)}
    assert len(pids) == 2
    assert os.getpid() not in pids
