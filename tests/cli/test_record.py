"""``--record`` of ``run`` and ``get -w``."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import memstat as library
from tests.cli.harness import UNTIL_INPUT, assert_one_line
from tests.cli.json_fields import assert_snapshot
from tests.preloaded import memstat
from tests.recording.killing import killed_recorder
from tests.targets import Target, memstat_path, python

WORK: Final = python(
    "import time; held = bytearray(20 << 20); time.sleep(0.4); raise SystemExit(3)"
)


def test_a_run_is_recorded_from_the_first_snapshot_to_its_summary(tmp_path: Path) -> None:
    name = f"{tmp_path}/run-%h.jsonl.gz"
    done = memstat("run", "--json", "-r", "--record", name, "--", *WORK)
    assert (done.returncode, done.stderr) == (3, "")
    (path,) = tmp_path.iterdir()
    assert path.name == f"run-{os.uname().nodename}.jsonl.gz"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    summary = json.loads(done.stdout)
    header, first, *_, end = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
    assert (header["kind"], header["command"], header["arguments"]) == (
        "recording",
        [WORK[0]],
        False,
    )
    assert first["tick"] == 0
    assert_snapshot(first)
    assert end == {**summary, "command": [WORK[0]]}
    recording = library.load(path)
    assert len([*recording]) == recording.stats.samples == summary["samples"]
    assert recording.result is not None
    assert recording.result.exit_status == 3
    assert recording.remarks == ()


def test_arguments_are_recorded_on_request(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    done = memstat("run", "--record", str(path), "--record-arguments", "--", *WORK)
    assert done.returncode == 3
    header, first, *_, end = map(json.loads, path.read_text().splitlines())
    assert header["command"] == end["command"] == [*WORK]
    assert first["processes"][0]["command_line"] == " ".join(WORK)


def test_a_watch_is_recorded_until_it_is_stopped(
    start: Callable[..., Target], tmp_path: Path
) -> None:
    target, path = start(*UNTIL_INPUT), tmp_path / "watch.jsonl"
    assert target.line() == "ready"
    command = ["get", "-wf50", "--json", "--record", str(path), str(target.pid)]
    watching = start(memstat_path(), *command)
    lines = [json.loads(watching.line()) for _ in range(3)]
    watching.process.send_signal(signal.SIGINT)
    out, _ = watching.process.communicate(timeout=60)
    lines += map(json.loads, out.splitlines())
    header, *recorded = map(json.loads, path.read_text().splitlines())
    assert (header["targets"], header["command"]) == ([target.pid], None)
    assert recorded[-1] == lines[-1]
    snapshots = [*library.load(path)]
    # The report skips what it is too slow for; the recording does not.
    seen = {value["tick"] for value in lines[:-1]}
    assert seen <= {snapshot.tick for snapshot in snapshots}
    assert len(snapshots) == lines[-1]["samples"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--record", "/none/file"], ["cannot write to /none/file", "No such file"]),
        (["--record", "/"], ["cannot write to /", "Is a directory"]),
        (["--record", ""], ["name of the recording is empty"]),
        (["--record", "-"], ["a recording goes to a file"]),
        (["--record", "x%y"], ["%p, %h, %t or %%"]),
        (["--record-arguments"], ["--record-arguments needs --record"]),
        (["--record", "{}/same", "-O", "{}/same"], ["-O and --record name the same file"]),
    ],
)
def test_what_cannot_be_recorded_is_an_error_before_the_start(
    options: list[str], words: list[str], tmp_path: Path
) -> None:
    options = [option.replace("{}", str(tmp_path)) for option in options]
    done = memstat("run", *options, "--", "touch", f"{tmp_path}/started")
    assert done.returncode == 125
    assert_one_line(done.stderr, *words)
    assert not (tmp_path / "started").exists()
    done = memstat("get", "-w", *options[:2], str(os.getppid())) if "-O" not in options else done
    assert done.returncode in {1, 2, 125}
    assert_one_line(done.stderr, *words)


def test_get_records_only_what_it_watches(tmp_path: Path) -> None:
    done = memstat("get", "--record", f"{tmp_path}/x", str(os.getppid()))
    assert done.returncode == 2
    assert_one_line(done.stderr, "--record needs -w")
    assert [*tmp_path.iterdir()] == []


def test_a_full_disk_ends_the_recording_alone() -> None:
    done = memstat("run", "--no-peak", "--record", "/dev/full", "--", "sh", "-c", "echo; exit 3")
    assert (done.returncode, done.stdout) == (3, "\n")
    assert_one_line(done.stderr, "the recording stopped", "/dev/full: No space left on device")


def test_a_reader_that_leaves_ends_the_recording_alone(
    start: Callable[..., Target], tmp_path: Path
) -> None:
    """Not the watch, which a pipe that is closed on its stdout would end as it ends any filter."""
    target, path = start(*UNTIL_INPUT), tmp_path / "pipe"
    os.mkfifo(path)
    command = ["get", "-wf50", "--record", str(path), str(target.pid)]
    watching = start(memstat_path(), *command, stderr=subprocess.PIPE)
    with path.open("rb") as reader:
        assert reader.read(1) == b"{"
    assert watching.process.stderr is not None
    note = watching.process.stderr.readline().decode()
    assert note == f"memstat: the recording stopped: cannot write to {path}: Broken pipe\n"
    watching.line()
    watching.process.send_signal(signal.SIGINT)
    watching.process.communicate(timeout=60)
    assert watching.process.returncode == 130


@pytest.mark.parametrize("seed", range(5))
def test_of_a_recorder_that_is_killed_all_is_whole(seed: int, tmp_path: Path) -> None:
    """How much is lost at most is measured in ``tests/benchmarks/recording.py``."""
    path = tmp_path / "run.jsonl.gz"
    with killed_recorder(path) as recorder:
        while not path.exists() or path.stat().st_size < 2000:
            time.sleep(0.05)
        time.sleep(random.Random(seed).uniform(0.0, 1.0))
        before = path.read_bytes()
        recorder.kill()
    subprocess.run(["gzip", "-t", path], check=True)
    after = path.read_bytes()
    assert after.startswith(before)
    recording = library.load(path)
    assert [snapshot.tick for snapshot in recording]
    assert recording.remarks == ("it has no end: it was cut off, or is still being written",)
