"""``memstat export``."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from memstat.cli.new_file import new_file
from memstat.errors import OutputError
from tests.cli.harness import assert_one_line
from tests.preloaded import memstat
from tests.recorded import MIB, process, recording_text, snapshots
from tests.targets import memstat_path

MAKE = process(7, "make", 4 * MIB, depth=0)


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """A recording of two snapshots that has been cut off."""
    path = tmp_path / "m.jsonl"
    path.write_bytes(recording_text(snapshots([MAKE], [MAKE, process(8, "cc", MIB)])))
    return str(path)


CUT_OFF = "memstat: it has no end: it was cut off, or is still being written\n"


def export(*arguments: str) -> str:
    """Return what is printed; the remark that the recording was cut off comes along."""
    done = memstat("export", *arguments)
    assert (done.returncode, done.stderr) == (0, CUT_OFF)
    return done.stdout


@pytest.mark.parametrize("form", ["csv", "trace", "openmetrics", "folded"])
def test_the_file_has_what_stdout_gets(recording: str, tmp_path: Path, form: str) -> None:
    printed = export(recording, "-o", "-", "--format", form)
    assert printed
    assert export(recording, "-o", str(tmp_path / "plain"), "--format", form) == ""
    assert (tmp_path / "plain").read_text() == printed
    export(recording, "-o", str(tmp_path / "packed.gz"), "--format", form)
    assert (
        gzip.decompress((tmp_path / "packed.gz").read_bytes()).decode().split() == printed.split()
    )


def test_the_name_of_the_file_says_the_format(recording: str, tmp_path: Path) -> None:
    names = ["m.csv", "m.trace.json", "m.trace.json.gz", "m.om", "m.folded", "m.db"]
    for name in names:
        export(recording, "-o", str(tmp_path / name))
    rows = [*csv.DictReader(io.StringIO((tmp_path / "m.csv").read_text()))]
    assert [row["pid"] for row in rows] == ["7", "7", "8"]
    trace = json.loads((tmp_path / "m.trace.json").read_text())
    assert json.loads(gzip.decompress((tmp_path / "m.trace.json.gz").read_bytes())) == trace
    assert (tmp_path / "m.om").read_text().endswith("# EOF\n")
    assert (tmp_path / "m.folded").read_text() == f"make {4 * MIB}\nmake;cc {MIB}\n"
    with closing(sqlite3.connect(tmp_path / "m.db")) as connection:
        assert connection.execute("SELECT count(*) FROM samples").fetchall() == [(3,)]
    assert {path.name for path in tmp_path.iterdir()} == {*names, "m.jsonl"}


def test_a_recording_is_read_from_stdin(recording: str) -> None:
    script = f'"$0" export - -o - --format folded < {recording}'
    done = subprocess.run(
        ["sh", "-c", script, memstat_path()], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"make {4 * MIB}\nmake;cc {MIB}\n"


def test_a_file_that_is_there_is_replaced_and_keeps_its_mode(
    recording: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.csv"
    path.write_text("old" * 10_000)
    path.chmod(0o640)
    (tmp_path / "link.csv").symlink_to("m.csv")
    export(recording, "-o", str(tmp_path / "link.csv"))
    assert (tmp_path / "link.csv").is_symlink()
    assert path.read_text().startswith("time,")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_the_umask_leaves(recording: str, tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        subprocess.run(
            [memstat_path(), "export", recording, "-o", tmp_path / "m.csv"],
            capture_output=True,
            check=True,
        )
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "m.csv").stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["m.csv", "m.db"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, name: str) -> None:
    many = [process(7 + at, "cc", MIB) for at in range(300)]
    recording = tmp_path / "m.jsonl"
    recording.write_bytes(recording_text(snapshots(many)))
    (tmp_path / name).write_text("old")
    # Without -B the limit would cut off what Python keeps of modules that it compiles.
    script = f'ulimit -f 8; exec "$0" -B -m memstat export {recording} -o {tmp_path / name}'
    done = subprocess.run(["bash", "-c", script, sys.executable], capture_output=True, text=True)
    assert done.returncode == 1
    assert_one_line(done.stderr, f"cannot write to {tmp_path / name}")
    assert (tmp_path / name).read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {name, "m.jsonl"}


def test_a_signal_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "m.csv"
    target.write_text("old")
    program = (
        "import sys, signal\n"
        "from memstat.cli.new_file import new_file\n"
        "with new_file(sys.argv[1]):\n"
        "    print('ready', flush=True)\n"
        "    signal.pause()\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    writer.terminate()
    assert writer.wait(20) == -signal.SIGTERM
    writer.stdout.close()
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]
    assert target.read_text() == "old"


def test_an_error_within_the_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_file(str(tmp_path / "m.csv")):
        raise ZeroDivisionError
    assert [*tmp_path.iterdir()] == []


def test_an_inherited_pipe_is_written_to(recording: str) -> None:
    script = f'"$0" export {recording} -o /dev/fd/7 --format folded 7>&1 >/dev/null 2>&1'
    done = subprocess.run(["bash", "-c", script, memstat_path()], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"make {4 * MIB}\nmake;cc {MIB}\n")


def test_a_device_is_written_to_and_not_replaced(recording: str) -> None:
    export(recording, "-o", "/dev/null", "--format", "csv")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    full = r"^cannot write to /dev/full: No space left on device$"
    with (
        pytest.raises(OutputError, match=full),
        new_file("/dev/full") as path,
        open(path, "w") as file,
    ):
        file.write("text")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["-o", "m.txt"], 2, ["'m.txt' does not say the format", ".trace.json"]),
        (["-o", "-"], 2, ["-o - needs --format"]),
        (["-o", "m.db.gz"], 2, ["database"]),
        (["-o", "-", "--format", "sqlite"], 2, ["database"]),
        (["-o", "/dev/null", "--format", "sqlite"], 1, ["/dev/null", "needs a file"]),
        (["-o", "/"], 2, ["does not say the format"]),
        (["-o", "/", "--format", "csv"], 1, ["cannot write to /: Is a directory"]),
        (["-o", "/nowhere/m.csv"], 1, ["cannot write to /nowhere/m.csv: No such file"]),
    ],
)
def test_what_cannot_be_written_is_one_line(
    recording: str, arguments: list[str], status: int, words: list[str]
) -> None:
    done = memstat("export", recording, *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert_one_line(done.stderr, *words)


@pytest.mark.parametrize(
    "text", ["", "{}\n", "no recording", '{"kind": "recording", "format": 2}\n']
)
def test_what_is_no_recording_is_one_line_and_no_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "m").write_text(text)
    done = memstat("export", str(tmp_path / "m"), "-o", str(tmp_path / "m.csv"))
    assert done.returncode == 1
    assert_one_line(done.stderr, "cannot read the recording")
    assert not (tmp_path / "m.csv").exists()


def test_without_a_peak_there_are_no_stacks(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(recording_text([]))
    done = memstat("export", str(tmp_path / "m"), "-o", str(tmp_path / "m.folded"))
    assert done.returncode == 1
    assert_one_line(done.stderr, "nothing to export")
    assert not (tmp_path / "m.folded").exists()
