"""``memstat replay`` where there is no terminal."""

from __future__ import annotations

from pathlib import Path

from tests.cli.harness import assert_one_line
from tests.preloaded import memstat
from tests.recorded import MIB, process, recording_text, snapshots


def test_there_is_a_line_for_each_snapshot_and_the_peak(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    trees = [[process(7, "make", size * MIB, depth=0)] for size in (1, 3, 2)]
    path.write_bytes(recording_text(snapshots(*trees)))
    done = memstat("replay", "--speed", "100", str(path))
    assert done.returncode == 0
    assert done.stdout == "Total: 1024 kB\nTotal: 3072 kB\nTotal: 2048 kB\nPeak:\nTotal: 3072 kB\n"
    assert_one_line(done.stderr, "it has no end")
    detailed = memstat("replay", "-v", "--speed", "100", str(path)).stdout
    assert detailed.startswith("[7] 1024 kB (make)\nTotal: 1024 kB\n")


def test_what_is_no_recording_is_one_line(tmp_path: Path) -> None:
    done = memstat("replay", str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "cannot read the recording", "No such file")
    assert memstat("replay", "--speed", "0", "x").returncode == 2
