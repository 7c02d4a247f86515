"""``run --max-pss``, ``--on-exceed`` and ``--min-samples``."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from tests.cli.harness import TOTAL_LINE, assert_one_line
from tests.cli.json_fields import SNAPSHOT
from tests.preloaded import memstat
from tests.targets import memstat_path, python

MANY_BYTES = "b'x' * (40 << 20)"
HOLD = f"held = {MANY_BYTES}; "
PAUSE = python(f"import signal; {HOLD}signal.pause()")
IGNORE_SIGTERM = python(f"import signal; signal.signal(15, signal.SIG_IGN); {HOLD}signal.pause()")
CHILD = python(f"import os, signal; os.fork() or ({MANY_BYTES}, signal.pause()); signal.pause()")
UNTIL_INPUT = python(f"import sys; {HOLD}sys.exit(len(input()))")


def run_until_large(*options: str) -> tuple[int, str]:
    """Let a command end with status 3 after it was seen with more than 40 MiB."""
    with subprocess.Popen(
        [memstat_path(), "run", "-v", *options, "--", *UNTIL_INPUT],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        read = ""
        while True:
            line = running.stderr.readline()
            assert line, read
            read += line
            total = TOTAL_LINE.match(line)
            if total and int(total[1]) > 40 << 10:
                break
        running.stdin.write("abc\n")
        running.stdin.close()
        read += running.stderr.read()
    return running.returncode, read


@pytest.mark.parametrize("command", [PAUSE, CHILD, IGNORE_SIGTERM])
def test_past_the_limit_the_tree_is_ended(command: Sequence[str]) -> None:
    done = memstat("run", "-r", "--max-pss", "30MiB", "--kill-after", "0.5", "--", *command)
    assert done.returncode == 124
    assert re.search(
        r"memstat: the limit of 30\.0 MiB was exceeded at \d+\.\d s with "
        r"(~?\d\d\.\d MiB|\d\d\.\d MiB \(between \d\d\.\d and \d\d\.\d MiB\)):\n"
        r"\[\d+\] ~?\d+ kB \(python.*\)\n",
        done.stderr,
    )
    # The last sample may have shown them alive: they were being ended.
    assert "still running" not in done.stderr


def test_below_the_limit_the_status_is_that_of_the_command() -> None:
    status, stderr = run_until_large("--max-pss", "1 GiB")
    assert status == 3
    assert "limit" not in stderr


@pytest.mark.parametrize(("on_exceed", "expected"), [("fail", 124), ("warn", 3)])
def test_with_fail_or_warn_the_command_finishes(on_exceed: str, expected: int) -> None:
    status, stderr = run_until_large("--max-pss", "30M", "--on-exceed", on_exceed)
    assert status == expected
    assert "Process exited with code 3" in stderr
    assert "the limit of 30.0 MiB was exceeded" in stderr


def test_the_limit_in_json() -> None:
    done = memstat("run", "--max-pss", "30 MB", "--json", "--", *PAUSE)
    assert done.returncode == 124
    limit: dict[str, Any] = json.loads(done.stdout)["limit"]
    assert limit["max_pss_bytes"] == 30_000_000
    assert limit["on_exceed"] == "kill"
    assert limit["exceeded"] is True
    assert tuple(limit["snapshot"]) == SNAPSHOT
    assert limit["snapshot"]["total"]["pss_bytes"] > 30_000_000
    assert limit["elapsed_s"] == limit["snapshot"]["elapsed_s"]


def test_a_limit_that_was_kept_in_json() -> None:
    done = memstat("run", "--max-pss", "1T", "--json", "--", "true")
    assert json.loads(done.stdout)["limit"] == {
        "max_pss_bytes": 1 << 40,
        "on_exceed": "kill",
        "exceeded": False,
        "elapsed_s": None,
        "snapshot": None,
    }
    assert done.returncode == 0


@pytest.mark.parametrize("options", [[], ["-r"]])
def test_what_children_use_counts_with_and_without_r(options: Sequence[str]) -> None:
    done = memstat("run", *options, "--max-pss", "30MiB", "--", "sh", "-c", '"$0" "$@"; :', *PAUSE)
    assert done.returncode == 124
    assert "the limit of 30.0 MiB was exceeded" in done.stderr
    assert "not counted" not in done.stderr


def test_no_descendant_outlives_the_limit(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "pid")
    source = (
        f"import os, signal\npid = os.fork()\nif pid: open({path!r}, 'w').write(str(pid)); {HOLD}"
        "\nsignal.pause()"
    )
    done = memstat("run", "-r", "--max-pss", "30 MiB", "--", *python(source))
    assert done.returncode == 124
    with open(path) as file, pytest.raises(ProcessLookupError):
        os.kill(int(file.read()), 0)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--max-pss", "3 potatoes"), "'3 potatoes' is not a size"),
        (("--max-pss", "-1"), "not a size"),
        (("--on-exceed", "warn"), "--on-exceed needs --max-pss"),
        (("--max-pss", "1G", "--on-exceed", "explode"), "--on-exceed"),
        (("--min-samples", "0"), "--min-samples"),
        (("--wait-all",), "--wait-all needs -r"),
    ],
)
def test_nonsense_is_a_usage_error(options: Sequence[str], word: str) -> None:
    done = memstat("run", *options, "--", "echo", "started")
    assert done.returncode == 125
    assert done.stdout == ""
    assert_one_line(done.stderr, word)


def test_too_few_samples_are_an_error() -> None:
    done = memstat("run", "--min-samples", "1000", "--", "true")
    assert done.returncode == 125
    assert "at least 1000 were asked for" in done.stderr


def test_the_status_of_a_command_that_failed_matters_more_than_samples() -> None:
    assert memstat("run", "--min-samples", "1000", "--", "sh", "-c", "exit 7").returncode == 7


def test_enough_samples_are_no_error() -> None:
    status, stderr = run_until_large("--min-samples", "1")
    assert status == 3
    assert "asked for" not in stderr
