"""``memstat report -o``: pages and pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.charts.made import HEADER, MIB, snapshots, write_recording
from tests.cli.harness import assert_one_line
from tests.preloaded import memstat

WITHOUT_VL_CONVERT = (
    "import sys; sys.modules['vl_convert'] = None\n"
    "from memstat.cli.root import run_command_line\n"
    "sys.exit(run_command_line(sys.argv[1:]))"
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    taken = snapshots([{7: MIB}, {7: 3 * MIB, 8: 2 * MIB}, {7: MIB}])
    return write_recording(tmp_path / "mem.jsonl.gz", taken)


def test_recordings_become_a_picture_with_what_has_to_be_known(
    recording: Path, tmp_path: Path
) -> None:
    again = write_recording(tmp_path / "again.jsonl.gz", snapshots([{7: MIB}, {7: 9 * MIB}]))
    for more in ((), ("--overlay", "--dark")):
        picture = tmp_path / "mem.svg"
        done = memstat("report", str(recording), str(again), "-o", str(picture), *more)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr.count("it has no end") == 2  # These have no summary.
        text = picture.read_text()
        assert HEADER.command is not None
        assert f">{HEADER.command[0]}<" in text
        assert "again.jsonl.gz" in text
        assert "peak 9.00 MiB" in text if more else "peak 14.0 MiB" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "mem.gif"], "'mem.gif' has to end with one of .html, .svg, .png, .pdf"),
        (["-o", "mem"], "'mem' has to end with"),
        (["--overlay"], "--overlay needs -o"),
        (["--dark"], "--dark needs -o"),
        (["-o", "mem.svg", "--overlay"], "--overlay needs several recordings"),
        (["-o", "mem.html", "--dark"], "--dark is for pictures"),
    ],
)
def test_wrong_usage_is_one_line(recording: Path, arguments: list[str], words: str) -> None:
    done = memstat("report", str(recording), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, words)


def test_a_file_stays_where_there_is_nothing_new(recording: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("before")
    (tmp_path / "foreign").write_text("{}\n")
    nothing = write_recording(tmp_path / "nothing.gz", [])
    for path, words in ((tmp_path / "foreign", "no recording"), (nothing, "nothing was measured")):
        done = memstat("report", str(path), "-o", str(page))
        assert done.returncode == 1
        assert_one_line(done.stderr, str(path), words)
    done = memstat("report", str(recording), "-o", str(tmp_path / "none" / "page.html"))
    assert done.returncode == 1
    assert_one_line(done.stderr, "cannot write to", "No such file or directory")
    assert page.read_text() == "before"
    assert {path.name for path in tmp_path.iterdir()} == {
        "foreign",
        "mem.jsonl.gz",
        "nothing.gz",
        "page.html",
    }


def test_without_vl_convert_a_line_says_how_to_install_it(recording: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_VL_CONVERT, "report", str(recording), "-o", "mem.svg"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "pip install 'memstat[report]'")
