"""Recording a watch or a supervised command, on every event loop."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

import memstat
from memstat.model import Snapshot
from memstat.recording.backlog import Backlog
from memstat.recording.disk import Disk
from memstat.recording.header import Gap, Header, Host
from memstat.recording.recorder import Recorder
from memstat.results import Mark
from memstat.testing import snapshot_of
from tests.recording.courses import in_json
from tests.targets import Target, python

pytestmark = pytest.mark.anyio

FAMILY = """
import os, sys
held = bytearray(8 << 20)
for _ in range(3):
    if os.fork() == 0:
        more = bytearray(4 << 20)
        os.read(0, 1)
        os._exit(0)
print("ready", flush=True)
input()
"""
HEADER = Header("0.1.0", 1e9, 0.1, Host("node"))


class Seen:
    """Keeps all that an observer gets."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.marks: list[Mark] = []

    def take_snapshot(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def take_mark(self, mark: Mark) -> None:
        self.marks.append(mark)


@pytest.fixture
def family(start: Callable[..., Target]) -> Target:
    target = start(*python(FAMILY))
    assert target.line() == "ready"
    return target


async def load(path: Path) -> tuple[memstat.Recording, list[Snapshot]]:
    """Read a recording, which blocks."""

    def read() -> tuple[memstat.Recording, list[Snapshot]]:
        recording = memstat.load(path)
        assert recording.stats
        return recording, [*recording]

    return await to_thread.run_sync(read)


async def some_snapshots(watched: memstat.Watch | memstat.Supervised, count: int) -> None:
    """Wait until so many have come."""
    while watched.stats.samples < count:  # noqa: ASYNC110 - no event tells
        await anyio.sleep(0.01)


async def test_a_watch_is_recorded_with_every_snapshot_and_mark(
    family: Target, tmp_path: Path
) -> None:
    seen, path = Seen(), tmp_path / "watch-%p.jsonl.gz"
    async with memstat.watch(family.pid, interval_s=0.01) as watched:
        watched.attach(seen)
        async with memstat.record(watched, path) as recorder:
            await some_snapshots(watched, 8)
            loaded = watched.mark("loaded")
            await some_snapshots(watched, 16)
            taken = [*seen.snapshots]
        await some_snapshots(watched, watched.stats.samples + 1)
    path = tmp_path / f"watch-{os.getpid()}.jsonl.gz"
    assert (recorder.path, recorder.error, recorder.remark) == (str(path), None, None)
    recording, snapshots = await load(path)
    # Some may have been taken while the file was opened. The summary is of the whole watch.
    taken = [in_json(snapshot) for snapshot in taken]
    assert len(snapshots) >= 8
    assert snapshots == taken[-len(snapshots) :]
    assert len({process.key for process in snapshots[-1].processes}) == 4
    assert [mark.name for mark in recording.marks] == ["loaded"]
    assert recording.marks[0].elapsed_s == pytest.approx(loaded.elapsed_s, abs=1e-6)
    assert recording.header.targets == (family.pid,)
    assert recording.header.memstat == memstat.__version__
    assert recording.stats.samples == len(taken)
    assert recording.peak is not None
    assert recording.peak.snapshot in taken
    assert (recording.result, recording.remarks) == (None, ())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_command_is_recorded_with_its_result_and_without_its_arguments(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.jsonl"
    command = python("import time; time.sleep(0.1); raise SystemExit(3)")
    async with (
        memstat.supervise(command, interval_s=0.01) as running,
        memstat.record(running, path),
    ):
        await running.wait()
    recording, _ = await load(path)
    assert recording.header.command == command[:1]
    result = recording.result
    assert result is not None
    assert (result.command, result.exit_code) == (command[:1], 3)
    assert result.peak == recording.peak
    assert "SystemExit" not in await anyio.Path(path).read_text()


async def test_arguments_are_recorded_on_request(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    command = python("import time; time.sleep(60)")
    async with (
        memstat.supervise(command, interval_s=0.01, command_lines=True) as running,
        memstat.record(running, path, arguments=True),
    ):
        # To open the file may take longer than a short command.
        await some_snapshots(running, running.stats.samples + 3)
        await running.kill()
        await running.wait()
    recording, snapshots = await load(path)
    assert recording.header.command == command
    assert recording.result is not None
    assert recording.result.command == command
    lines = {process.command_line for snapshot in snapshots for process in snapshot.processes}
    assert " ".join(command) in lines


async def test_a_block_that_is_left_by_an_error_leaves_a_whole_recording(
    family: Target, tmp_path: Path
) -> None:
    path = tmp_path / "watch.jsonl.gz"
    async with memstat.watch(family.pid, interval_s=0.01) as watched:
        with pytest.raises(ZeroDivisionError):
            async with memstat.record(watched, path):
                await some_snapshots(watched, 3)
                raise ZeroDivisionError
        with anyio.move_on_after(0.2):
            async with memstat.record(watched, tmp_path / "cancelled.jsonl.gz"):
                await anyio.sleep(20)
    for name in ("watch", "cancelled"):
        recording, snapshots = await load(tmp_path / f"{name}.jsonl.gz")
        assert (len(snapshots) > 0, recording.remarks) == (True, ())


@pytest.mark.parametrize("name", ["none/run.jsonl", "", "a\0b", "%x"])
async def test_a_file_that_cannot_be_opened_is_an_error_before_the_block(
    family: Target, tmp_path: Path, name: str
) -> None:
    async with memstat.watch(family.pid) as watched:
        with pytest.raises(memstat.RecordingError):
            async with memstat.record(watched, f"{tmp_path}/{name}" if name else ""):
                raise AssertionError("the block began")


async def test_a_full_disk_ends_the_recording_and_nothing_else() -> None:
    reports = []

    async def report(note: str) -> None:
        reports.append(note)

    recorder = Recorder(await to_thread.run_sync(Disk, "/dev/full"), HEADER, report=report)
    async with recorder.at_work():
        recorder.take_snapshot(snapshot_of({7: 4096}))
        while recorder.error is None:  # noqa: ASYNC110 - likewise
            await anyio.sleep(0.01)
        recorder.take_snapshot(snapshot_of({7: 4096}, elapsed_s=0.1))
    note = "the recording stopped: cannot write to /dev/full: No space left on device"
    assert reports == [note] == [recorder.remark]


async def test_what_a_slow_reader_has_no_room_for_is_dropped_and_counted(tmp_path: Path) -> None:
    """The pipe takes nothing until all has been taken: no call waits for it."""
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    disk = await to_thread.run_sync(Disk, str(path))
    course = [
        snapshot_of(dict.fromkeys(range(1, 301), 4096 + tick), tick=tick, elapsed_s=tick / 10)
        for tick in range(40)
    ]
    recorder = Recorder(disk, HEADER, backlog=Backlog(most_samples=3000))
    async with recorder.at_work():
        for snapshot in course[:5]:
            recorder.take_snapshot(snapshot)
        # These fill the pipe, whose writer then waits for its reader.
        while recorder._disk._waiting is None:  # noqa: ASYNC110 - likewise
            await anyio.sleep(0.01)
        for snapshot in course[5:30]:
            recorder.take_snapshot(snapshot)
        recorder.take_mark(Mark("late", 2.95, None))
        assert recorder.dropped == 15
        text = b""
        while b'"gap"' not in text:
            await anyio.wait_readable(reader)
            text += os.read(reader, 1 << 16)
        for snapshot in course[30:]:
            recorder.take_snapshot(snapshot)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(recorder._close)
            while not recorder._written.is_set():
                with anyio.move_on_after(0.1):
                    await anyio.wait_readable(reader)
                    text += os.read(reader, 1 << 16)
    while piece := os.read(reader, 1 << 16):
        text += piece
    os.close(reader)
    await anyio.Path(tmp_path / "copy").write_bytes(text)
    recording, snapshots = await load(tmp_path / "copy")
    assert snapshots == [*course[:15], *course[30:]]
    entries = await to_thread.run_sync(lambda: [*recording.entries()])
    assert [entry for entry in entries if isinstance(entry, Gap)] == [Gap(1.5, 15)]
    assert [mark.name for mark in recording.marks] == ["late"]
    assert recorder.remark == f"15 snapshots are missing from {path}: the disk was too slow"


async def test_a_reader_that_reads_nothing_more_is_given_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memstat.recording.disk.PATIENCE_S", 0.1)
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    recorder = Recorder(await to_thread.run_sync(Disk, str(path)), HEADER)
    async with recorder.at_work():
        for tick in range(10):
            recorder.take_snapshot(snapshot_of(dict.fromkeys(range(1, 500), tick), elapsed_s=tick))
    os.close(reader)
    assert recorder.error is not None
    assert "nothing was read from it" in recorder.error
