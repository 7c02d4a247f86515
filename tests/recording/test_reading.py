"""``load``: of a recording that was cut off, damaged, or is none, what can be read is read."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

import memstat
from memstat.model import Snapshot
from memstat.recording.backlog import Item
from memstat.recording.header import Gap, Header, Host
from memstat.recording.script import Script
from memstat.results import Mark
from memstat.testing import snapshot_of

HEADER: Final = Header(
    "0.1.0", 1e9, 0.1, Host("node", page_bytes=4096), command=("make",), recursive=True
)
COURSE: Final = [
    snapshot_of({7: 4096 * (1 + tick % 50), 8: 512}, tick=tick, elapsed_s=tick / 10)
    for tick in range(1300)
]
"""Over two minutes, so that a reader may start anew in the middle."""


def batches(course: Sequence[Snapshot] = COURSE, *, packs: bool = True) -> list[bytes]:
    """Return the pieces of a recording: the header, and then a second each."""
    script = Script(HEADER, packs=packs)
    texts = [script.go_on(course[at : at + 10]) for at in range(0, len(course), 10)]
    return [script.begin(), *texts]


@pytest.fixture(scope="module")
def packed() -> list[bytes]:
    return batches()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl.gz"


def write(path: Path, *pieces: bytes) -> memstat.Recording:
    path.write_bytes(b"".join(pieces))
    return memstat.load(path)


def test_what_was_recorded_is_read_each_time_from_the_start(
    path: Path, packed: list[bytes]
) -> None:
    recording = write(path, *packed)
    assert recording.header == HEADER
    assert [*recording] == COURSE
    first, again = iter(recording), iter(recording)
    assert [next(first), next(first), next(again)] == [COURSE[0], COURSE[1], COURSE[0]]
    assert recording.peak is not None
    assert recording.peak.snapshot == COURSE[49]
    assert recording.stats.samples == len(COURSE)
    peaks = {key.pid: pss_bytes for key, pss_bytes in recording.process_peaks.items()}
    assert peaks == {7: 4096 * 50, 8: 512}
    assert (recording.marks, recording.result) == ((), None)


def test_packing_is_told_by_the_content_and_not_by_the_name(path: Path) -> None:
    plain = batches(COURSE[:20], packs=False)
    assert [*write(path, *plain)] == COURSE[:20]
    assert [*write(path, gzip.compress(b"".join(plain)))] == COURSE[:20]


def test_marks_and_gaps_stand_among_the_snapshots(path: Path) -> None:
    script = Script(HEADER, packs=True)
    loaded = Mark("loaded\x1b", 0.15, None)
    items: list[Item] = [*COURSE[:2], loaded, Gap(0.2, 3), *COURSE[5:7]]
    recording = write(path, script.begin(), script.go_on(items))
    kinds = [type(entry).__name__ for entry in recording.entries()]
    is_snapshot = [kind.endswith("Snapshot") for kind in kinds]
    assert is_snapshot == [True, True, False, False, True, True]
    assert [*recording] == [*COURSE[:2], *COURSE[5:7]]
    (mark,) = recording.marks
    assert (mark.name, mark.elapsed_s) == ("loaded\x1b", 0.15)
    assert mark.peak is not None
    assert mark.peak.snapshot == COURSE[1]
    assert recording.remarks[0] == "3 snapshots were dropped, in 1 gap: the disk was too slow"


def test_of_one_that_was_cut_off_the_whole_lines_are_read(path: Path, packed: list[bytes]) -> None:
    for cut in range(1, len(packed[3]), 11):
        recording = write(path, *packed[:3], packed[3][:-cut])
        read = [*recording]
        assert 20 <= len(read) <= 30
        assert read == COURSE[: len(read)]
        assert recording.remarks == (
            "it has no end: it was cut off in the middle of a line, or is still being written",
        )


def test_one_that_is_still_being_written_grows(path: Path, packed: list[bytes]) -> None:
    recording = write(path, *packed[:2])
    assert len([*recording]) == 10
    with path.open("ab") as file:
        file.write(packed[2])
    assert len([*recording]) == 20


def test_after_damage_reading_goes_on_at_the_next_whole_snapshot(
    path: Path, packed: list[bytes]
) -> None:
    at = 30
    middle = len(packed[at]) // 2
    damaged = bytearray(packed[at])
    damaged[middle : middle + 4] = b"\xff\x00\xff\x00"
    recording = write(path, *packed[:at], bytes(damaged), *packed[at + 1 :])
    read = [*recording]
    assert all(snapshot in COURSE for snapshot in read[:400:40])
    assert read[-1] == COURSE[-1]
    assert len(COURSE) - 320 < len(read) < len(COURSE) - 290
    (damage, end) = recording.remarks
    assert damage.startswith("it is damaged at line 29")
    assert "up to the next whole snapshot" in damage
    assert end.startswith("it has no end")


@pytest.mark.parametrize(
    "line", [b"nonsense", b"[]", b'{"kind":"changes"}', b"\xff", b'{"a":1}', b"[" * 10**5]
)
def test_a_damaged_line_is_left_out_with_what_rests_on_it(path: Path, line: bytes) -> None:
    script = Script(HEADER, packs=False)
    begin, first = script.begin(), script.go_on(COURSE[:2])
    lost, whole = script.go_on(COURSE[2:4]), script.go_on([Gap(0.4, 1), *COURSE[4:6]])
    recording = write(path, begin, first, line, b"\n", lost, whole)
    assert [*recording] == [*COURSE[:2], *COURSE[4:6]]
    assert recording.remarks[0] == (
        "it is damaged at line 4: what follows is left out, up to the next whole snapshot"
        " (3 lines or more)"
    )


def test_what_a_newer_memstat_adds_is_skipped(path: Path) -> None:
    script = Script(HEADER, packs=False)
    header = {**json.loads(script.begin()), "new": [1], "host": {"name": "node", "new": 1}}
    lines = [json.loads(text) for text in script.go_on(COURSE[:2]).splitlines()]
    lines[1] |= {"new": {"a": 1}}
    lines[1]["processes"][0]["new_bytes"] = 7
    lines.insert(1, {"kind": "weather", "rain": True})
    texts = [json.dumps(value).encode() + b"\n" for value in [header, *lines]]
    recording = write(path, *texts)
    assert [*recording] == COURSE[:2]
    assert recording.header.host.name == "node"
    assert recording.remarks[-1] == ("a newer memstat has added what this one leaves out: weather")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"text\n", "it is no recording of memstat (--record makes them)"),
        (b"text", "it is cut off in its first line"),
        (b'{"kind":"snapshot"}\n', "it is no recording of memstat (--record makes them)"),
        (b"\x1f\x8b\x08 and so on" * 9, "it is no recording of memstat (--record makes them)"),
        (gzip.compress(b"other\n"), "it is no recording of memstat (--record makes them)"),
        (
            b'{"kind":"recording","format":2}\n',
            "its format is 2, and this memstat reads 1: use a newer memstat",
        ),
        (b'{"kind":"recording","format":1}\n', "its first line is damaged: KeyError('memstat')"),
    ],
    ids=["empty", "text", "no line", "json", "no gzip", "other gzip", "newer", "damaged"],
)
def test_what_is_no_recording_is_an_error(path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(memstat.RecordingError) as raised:
        write(path, content)
    assert str(raised.value) == f"cannot read the recording {path}: {reason}"


def test_what_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(memstat.RecordingError, match="Is a directory"):
        memstat.load(tmp_path)
    with pytest.raises(memstat.RecordingError, match="No such file"):
        memstat.load(tmp_path / "none")


def test_standard_input_and_a_pipe_are_read_more_than_once(
    tmp_path: Path, packed: list[bytes]
) -> None:
    script = (
        "import memstat, sys; r = memstat.load(sys.argv[1]); print(len([*r]), len([*r]), r.header)"
    )
    content = b"".join(packed[:3])
    for argument in ("-", "/dev/stdin"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script, argument],
            input=content,
            capture_output=True,
            cwd=tmp_path,
        )
        assert done.stdout.startswith(b"20 20 Header("), done.stderr
        assert done.stderr == b""
