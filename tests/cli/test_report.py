"""``memstat report`` as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.harness import assert_one_line, on_terminal
from tests.preloaded import memstat
from tests.recorded import MIB, process, recording_text, snapshots
from tests.targets import memstat_path


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "m.jsonl"
    tree = [process(7, "make", 4 * MIB, depth=0), process(8, "数据", MIB)]
    path.write_bytes(recording_text(snapshots(tree, tree)))
    return str(path)


def test_a_recording_is_shown_in_a_pipe(recording: str) -> None:
    done = memstat("report", recording)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("make -j2\non node7")
    assert "\nPeak: 5.00 MiB at 0.0 s\n" in done.stdout
    assert "\x1b" not in done.stdout


def test_several_recordings_have_headings(recording: str) -> None:
    text = memstat("report", recording, recording).stdout
    assert text.startswith(f"==> {recording} <==\nmake -j2\n")
    assert text.count(f"\n\n==> {recording} <==\n") == 1


def test_a_terminal_is_filled(recording: str) -> None:
    status, text = on_terminal("sh", "-c", f"stty cols 50; {memstat_path()} report {recording}")
    assert status == 0
    (base,) = [line for line in text.splitlines() if line.startswith("      0 ┤")]
    assert len(base) == 50


def test_an_encoding_without_bars_gets_ascii(
    recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    _, text = on_terminal("sh", "-c", f"{memstat_path()} report {recording}")
    assert text.isascii()


def test_what_is_no_recording_is_one_line(tmp_path: Path) -> None:
    done = memstat("report", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "cannot read the recording", "directory")
