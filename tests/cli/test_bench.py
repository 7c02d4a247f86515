"""``memstat bench``: several runs of commands, and what they used."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.harness import assert_one_line, on_terminal, processes_with
from tests.preloaded import memstat
from tests.targets import memstat_path

HOLD = "held = b'x' * 30_000_000; import time; time.sleep(0.7)"


def bench(directory: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return the results of the JSON that is exported."""
    path = directory / "out.json"
    done = memstat("bench", "--export-json", str(path), *arguments)
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(path.read_text())["results"]
    return results


def test_commands_take_turns_after_their_warm_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    strings = [f"echo {letter} >> {log}" for letter in "ab"]
    first, second = bench(
        tmp_path,
        *("-n", "2", "--warmup", "1", "--prepare", f"printf p >> {log}", "--name", "the first"),
        *strings,
    )
    assert log.read_text().split() == ["pa", "pb"] * 3
    assert (first["name"], second["name"], second["command"]) == ("the first", *[strings[1]] * 2)
    assert (len(first["runs"]), first["exit_codes"]) == (2, [0, 0])


@pytest.mark.alone("the command has its memory for a time, by the clock")
def test_the_runs_have_what_the_command_and_all_that_it_starts_used(tmp_path: Path) -> None:
    script = f'{sys.executable} -c "{HOLD}"; true'
    (result,) = bench(tmp_path, "-n", "2", "--warmup", "0", "--exact", "--", "sh", "-c", script)
    for run in result["runs"]:
        assert 30e6 < run["pss_bytes"] < 60e6
        assert 30e6 < run["uss_bytes"] <= run["rss_bytes"]
        assert "sh" in {program["name"] for program in run["programs"]}
        assert len(run["programs"]) == 2
        assert run["kernel"] == os.uname().release
    assert min(result["times"]) > 0.05
    assert result["memory_usage_byte"] == [run["pss_bytes"] for run in result["runs"]]
    assert result["user"] + result["system"] > 0.005


def test_the_report_is_on_stdout_and_doubts_are_on_stderr() -> None:
    done = memstat("bench", "-n", "2", "--", "sleep", "0.1", "---", "sleep", "0.15")
    names = [line for line in done.stdout.splitlines() if line[:1].strip()]
    assert names == ["sleep 0.1", "sleep 0.15", "Against sleep 0.1:"]
    assert "\n  spread    " in done.stdout
    assert "memstat: sleep 0.1: a run has only " in done.stderr


def test_what_commands_print_is_dropped_unless_it_is_asked_for() -> None:
    command = ("bench", "-n", "1", "--warmup", "0", "--", "sh", "-c", "echo out; echo err >&2")
    done = memstat(*command)
    assert "out\n" not in done.stdout
    assert "err\n" not in done.stderr
    shown = memstat(command[0], "--show-output", *command[1:])
    assert "out\n" not in shown.stdout
    assert "out\nerr\n" in shown.stderr


def test_a_run_that_fails_ends_it_and_nothing_is_written(tmp_path: Path) -> None:
    path, log = tmp_path / "out.json", tmp_path / "log"
    fails_later = f"echo >> {log}; [ $(wc -l < {log}) -lt 3 ]"
    arguments = ("bench", "--export-json", str(path), "--", "sh", "-c", fails_later)
    done = memstat(*arguments)
    assert done.returncode == 1
    assert "1 run" in done.stdout
    assert "run 2 of sh -c " in done.stderr
    assert "failed: its exit status is 1; --ignore-failure measures it all" in done.stderr
    assert [*tmp_path.iterdir()] == [log]
    done = memstat(arguments[0], "--ignore-failure", *arguments[1:])
    assert done.returncode == 0
    assert "5 of 5 runs failed" in done.stderr
    assert json.loads(path.read_text())["results"][0]["exit_codes"] == [1] * 5


def test_a_preparation_that_fails_ends_it() -> None:
    done = memstat("bench", "--prepare", "exit 3", "true")
    assert done.returncode == 1
    assert_one_line(done.stderr, "--prepare failed: its exit status is 3, --show-output shows")


def test_a_command_that_is_killed_failed() -> None:
    done = memstat("bench", "--", "sh", "-c", "kill -9 $$")
    assert done.returncode == 1
    assert_one_line(done.stderr, "warm-up 1 of", "it was killed by SIGKILL")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "no command given"),
        (("--",), 2, "no command given"),
        (("a", "--", "b"), 2, "commands are strings, or follow '--': not both"),
        (("",), 2, "a command is empty"),
        (("--", "a", "---"), 2, "a command is empty"),
        (("'a",), 2, "no closing quotation"),
        (("true", "true"), 2, "two commands have the same name: give each its own by --name"),
        (("--name", "a", "--name", "b", "true"), 2, "there are more names than commands"),
        (("-n", "0", "true"), 2, "0 is not in the range"),
        (("-f", "10", "-i", "1", "true"), 2, "-f and -i both set the interval"),
        (("no-such-command",), 127, "no-such-command: command not found"),
        (("--export-json", "no/such/file", "touch made"), 1, "cannot write to no/such/file"),
        (("--export-csv", ".", "touch made"), 1, "cannot write to .: Is a directory"),
    ],
)
def test_what_cannot_be_done_is_one_line_before_anything_is_run(
    arguments: tuple[str, ...],
    status: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = memstat("bench", *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert_one_line(done.stderr, words)
    assert [*tmp_path.iterdir()] == []


def test_tables_for_others(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    done = memstat(
        *("bench", "-n", "2", "--name", "a|b", "--export-csv", str(table)),
        *("--export-markdown", "/dev/stdout", "--", "sleep", "0.2"),
    )
    rows = [*csv.DictReader(table.read_text().splitlines())]
    assert [(row["name"], row["run"]) for row in rows] == [("a|b", "1"), ("a|b", "2")]
    assert all(int(row["pss_bytes"]) > 0 for row in rows)
    # Nothing but the table is on stdout then.
    header, _, row = done.stdout.splitlines()
    assert done.stderr.startswith("a|b\n  median ")
    assert header.startswith("| command | median peak PSS |")
    assert row.startswith("| <code>a&#124;b</code> | ")


def test_what_cannot_be_exported_is_reported_all_the_same() -> None:
    done = memstat("bench", "-n", "1", "--export-json", "/dev/full", "--", "sleep", "0.1")
    assert done.returncode == 1
    assert done.stdout.startswith("sleep 0.1\n")
    assert done.stderr.endswith("cannot write to /dev/full: No space left on device\n")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_under_way_and_what_was_measured_is_kept(
    signum: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, pipe = tmp_path / "out.json", tmp_path / "pipe"
    os.mkfifo(pipe)
    marker = f"MEMSTAT_TEST_BENCH={tmp_path.name}-{signum}"
    monkeypatch.setenv(*marker.split("="))
    # The first run ends, the second says that it is there and stays.
    first = f"[ -e {tmp_path}/second ] || {{ touch {tmp_path}/second; exit 0; }}"
    script = f"{first}; echo > {pipe}; sleep 60"
    command = ("bench", "--warmup", "0", "--export-json", str(path), "--", "sh", "-c", script)
    with subprocess.Popen([memstat_path(), *command], stderr=subprocess.PIPE, text=True) as running:
        pipe.read_text()
        running.send_signal(signum)
        _, stderr = running.communicate(timeout=30)
    assert running.returncode == -signum
    assert "memstat: stopped; 1 run was measured\n" in stderr
    assert len(json.loads(path.read_text())["results"][0]["runs"]) == 1
    assert processes_with(marker) == []


def test_a_terminal_shows_which_run_is_under_way_and_then_the_report() -> None:
    status, shown = on_terminal(memstat_path(), "bench", "-n", "2", "--", "sleep", "0.2")
    assert status == 0
    assert "run 2 of sleep 0.2" in shown
    assert "\n  median  " in shown
