"""``--memstat-record``: a recording for each test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import memstat
from memstat.pytest_plugin.recordings import TestRecordings, file_name
from memstat.sampling.tally import Tally
from memstat.testing import snapshot_of
from tests.pytest_plugin.options import LIGHT

pytest_plugins = ["pytester"]

TESTS = """
    import os, subprocess, sys, time
    import pytest

    def test_short():
        pass

    @pytest.mark.parametrize("name", ["../up", "a b", "a/b"])
    def test_parameters(name):
        pass

    def test_child():
        held = bytearray(30 << 20)
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.1)"])
        assert 0

    def test_that_replaces_what_records(monkeypatch):
        monkeypatch.setattr(os, "open", None)
        monkeypatch.setattr(time, "time", None)
"""


@pytest.fixture(autouse=True)
def configured(pytester: pytest.Pytester) -> None:
    pytester.makeini(f"[pytest]\naddopts = {' '.join(LIGHT)}\nfilterwarnings = error\n")


def test_each_test_has_a_file_with_what_was_between_its_boundaries(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_it=TESTS)
    done = pytester.runpytest_subprocess("--memstat-record", "in/here")
    done.assert_outcomes(passed=5, failed=1)
    paths = Path(pytester.path, "in", "here").iterdir()
    recordings = sorted(map(memstat.load, paths), key=lambda r: r.marks[0].name)
    assert [mark.name for recording in recordings for mark in recording.marks] == [
        "test_it.py::test_child",
        "test_it.py::test_parameters[../up]",
        "test_it.py::test_parameters[a b]",
        "test_it.py::test_parameters[a/b]",
        "test_it.py::test_short",
        "test_it.py::test_that_replaces_what_records",
    ]
    for recording in recordings:
        snapshots = [*recording]
        assert len(snapshots) == recording.stats.samples >= 2
        assert recording.remarks == ()
        assert recording.header.targets == (snapshots[0].processes[0].key.pid,)
        assert recording.peak is not None
        assert recording.peak.pss_bytes == max(s.total.pss_bytes or 0 for s in snapshots)
    assert max(len(snapshot.processes) for snapshot in recordings[0]) >= 2


@pytest.mark.parametrize(
    ("directory", "reason"), [("test_it.py", "File exists"), ("/proc/none", "No such file")]
)
def test_a_directory_that_cannot_be_made_is_wrong_usage(
    pytester: pytest.Pytester, directory: str, reason: str
) -> None:
    pytester.makepyfile(test_it="def test(): pass")
    done = pytester.runpytest("--memstat-record", directory)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"ERROR: --memstat-record: cannot make the directory *: {reason}*"])


def test_a_disk_that_fails_ends_the_recordings_and_nothing_else(tmp_path: Path) -> None:
    recordings = TestRecordings(tmp_path / "gone")
    tally = Tally(0.1)
    for test in ("one", "two"):
        recordings.prepare()
        recordings.take(snapshot_of({7: 4096}))
        recordings.begin(test, tally)
        recordings.end(tally)
    assert recordings.failure == f"cannot write to {tmp_path / 'gone'}: No such file or directory"


def test_a_test_that_is_run_again_has_another_file() -> None:
    names = {file_name(test, run) for test in ("a/b", "a_b", "x" * 500) for run in range(2)}
    assert len(names) == 6
    assert all(len(os.fsencode(name)) < 160 and "/" not in name for name in names)
