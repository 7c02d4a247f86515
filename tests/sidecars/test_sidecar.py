"""Measuring from a process of its own, in synchronous programs."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import anyio
import pytest

import memstat
from memstat import MemstatError, Peak, SidecarError, sidecar
from memstat.errors import NoSuchProcess
from tests.targets import Target, python

MIB = 1 << 20

HOG = r"""
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

void hog(size_t bytes, double seconds, double *began, double *ended) {
    char *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, bytes);
    *began = now();
    while ((*ended = now()) < *began + seconds) { }
    munmap(memory, bytes);
}
"""


def mebibytes(peak: Peak | None) -> float:
    assert peak is not None
    return peak.pss_bytes / MIB


@pytest.fixture
def hog(tmp_path: Path) -> Callable[[int, float], tuple[float, float]]:
    """C code that holds the GIL, and memory, for so long; returns when that began and ended."""
    library = tmp_path / "hog.so"
    subprocess.run(
        ["cc", "-O1", "-shared", "-fPIC", "-o", library, "-x", "c", "-"],
        input=HOG.encode(),
        check=True,
    )
    function = ctypes.PyDLL(str(library)).hog
    function.argtypes = [ctypes.c_size_t, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p]

    def call(size_bytes: int, seconds: float) -> tuple[float, float]:
        began, ended = ctypes.c_double(), ctypes.c_double()
        function(size_bytes, seconds, ctypes.byref(began), ctypes.byref(ended))
        return began.value, ended.value

    return call


class SamplerThread:
    """What one would do without a sidecar: a watch in another thread of this process."""

    def __init__(self) -> None:
        self.begun_s: list[float] = []
        self._ready = threading.Event()
        self._until_s = math.inf
        self._thread = threading.Thread(target=anyio.run, args=[self._watch])

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._until_s = time.monotonic()
        self._thread.join()

    async def _watch(self) -> None:
        async with memstat.watch(os.getpid(), interval_s=0.01) as watched:
            offset_s = None
            async for snapshot in watched:
                offset_s = offset_s or watched._sampler._started_s
                self.begun_s.append(offset_s + snapshot.elapsed_s)
                self._ready.set()
                # The newest one may have begun long ago.
                if self.begun_s[-1] > self._until_s:
                    return


@pytest.mark.alone("the sidecar has 0.3 s to look")
def test_it_sees_what_comes_and_goes_while_c_code_holds_the_gil(
    hog: Callable[[int, float], tuple[float, float]],
) -> None:
    with SamplerThread() as sampler, sidecar(interval_s=0.02) as s:
        before = s.mark("before")
        began_s, ended_s = hog(200 * MIB, 0.3)
        after = s.mark("after")
    assert mebibytes(after.peak) > mebibytes(before.peak) + 190
    assert mebibytes(s.peak) == mebibytes(after.peak)
    # A thread of this process did not get to look even once, and has nothing to tell.
    assert [at for at in sampler.begun_s if began_s < at < ended_s] == []
    assert any(at < began_s for at in sampler.begun_s)
    assert any(at > ended_s for at in sampler.begun_s)


def test_the_block_begins_with_a_snapshot_and_ends_with_a_last_one() -> None:
    with sidecar(interval_s=3600) as s:
        held = bytearray(60 * MIB)
    assert s.latest is s.snapshots[-1]
    assert len(s.snapshots) == s.stats.samples == 2
    assert mebibytes(s.peak) > len(held) / MIB
    assert s.peak is not None
    assert s.peak.snapshot is s.latest


def test_a_mark_takes_a_sample_so_that_no_phase_is_without() -> None:
    with sidecar(interval_s=3600) as s:
        begin = s.mark("begin")
        held = bytearray(60 * MIB)
        loaded = s.mark("loaded")
        del held
        end = s.mark("")
        same = s.mark("end " * 100_000)
    assert mebibytes(loaded.peak) > mebibytes(begin.peak) + 55
    assert mebibytes(end.peak) < mebibytes(loaded.peak) - 55
    assert s.marks == (begin, loaded, end, same)
    assert [mark.name for mark in s.marks] == ["begin", "loaded", "", "end " * 100_000]
    assert begin.elapsed_s < loaded.elapsed_s < end.elapsed_s < same.elapsed_s


def test_a_reset_begins_the_peak_anew_with_a_sample() -> None:
    with sidecar(interval_s=3600) as s:
        held = bytearray(60 * MIB)
        high = mebibytes(s.mark("loaded").peak)
        del held
        s.reset_peak()
        assert mebibytes(s.peak) < high - 55
        assert len(s.marks) == 1


def test_a_restart_begins_everything_anew_with_a_sample() -> None:
    with sidecar(interval_s=3600) as s:
        held = bytearray(60 * MIB)
        high = mebibytes(s.mark("loaded").peak)
        del held
        s.restart()
        assert (s.marks, s.stats.samples, len(s.snapshots)) == ((), 1, 1)
        assert mebibytes(s.peak) < high - 55
        assert mebibytes(s.mark("after").peak) < high - 55


def test_it_keeps_as_many_snapshots_as_asked_for() -> None:
    with sidecar(interval_s=3600, keep_snapshots=2) as few, sidecar(keep_snapshots=None) as all_:
        for number in range(4):
            few.mark(str(number))
            all_.mark(str(number))
    assert len(few.snapshots) == 2
    assert few.snapshots[-1] is few.latest
    assert len(all_.snapshots) == all_.stats.samples > 5


def test_it_counts_descendants_unless_told_not_to(start: Callable[..., Target]) -> None:
    child = start(*python("held = bytearray(60 << 20); print('ready'); input()"))
    child.line()
    with sidecar() as tree, sidecar(recursive=False) as alone:
        pass
    assert child.pid in {process.key.pid for process in tree.latest.processes}
    assert [process.key.pid for process in alone.latest.processes] == [os.getpid()]


def test_no_sidecar_is_ever_in_the_total_of_another() -> None:
    seen: set[int] = set()
    ours: set[int] = set()
    with sidecar(interval_s=0.001) as first:
        for _ in range(10):
            with sidecar(interval_s=0.001) as second:
                ours |= {first.pid, second.pid}
            seen |= {p.key.pid for s in second.snapshots for p in s.processes}
        first.mark("end")
    seen |= {p.key.pid for s in first.snapshots for p in s.processes}
    assert os.getpid() in seen
    assert len(ours) == 11
    assert not seen & ours
    for snapshot in first.snapshots:
        known = [p.memory.pss_bytes or 0 for p in snapshot.processes]
        assert snapshot.total.pss_bytes == sum(known)


def test_another_process_may_end_meanwhile(start: Callable[..., Target]) -> None:
    target = start(*python("held = bytearray(60 << 20); print('ready'); input()"))
    target.line()
    with sidecar(target.pid, interval_s=0.01) as s:
        target.tell()
        target.process.wait()
        while not s._record.has_ended:
            with s._connection.changed:
                s._connection.changed.wait(1)
        late = s.mark("too late")
        later = s.mark("even later")
        s.reset_peak()
        assert s.peak is None
    assert mebibytes(late.peak) > 60
    assert later.peak is None
    assert later.elapsed_s > late.elapsed_s


def test_a_process_that_does_not_exist_is_an_error_at_once() -> None:
    with pytest.raises(NoSuchProcess), sidecar(1 << 22):
        pytest.fail("the block must not begin")


@pytest.mark.parametrize("interval_s", [0, -1, float("nan"), float("inf")])
def test_an_impossible_interval_is_an_error_at_once(interval_s: float) -> None:
    with pytest.raises(ValueError, match="positive number of seconds"):
        sidecar(interval_s=interval_s)


def test_a_block_is_entered_once() -> None:
    block = sidecar()
    with block as s, pytest.raises(RuntimeError, match="entered before"):
        block.__enter__()
    with pytest.raises(RuntimeError, match="entered before"), block:
        pytest.fail("the block must not begin")
    assert s.stats.samples >= 2


def test_after_the_block_it_can_be_read_but_not_asked() -> None:
    with sidecar() as s:
        inside = s.mark("inside")
    for ask in (lambda: s.mark("outside"), s.reset_peak, s.restart):
        with pytest.raises(SidecarError, match="its block was left"):
            ask()
    assert s.marks == (inside,)


def test_a_sidecar_that_is_killed_is_an_error_of_mark_and_of_the_block() -> None:
    with pytest.raises(SidecarError, match="killed by SIGKILL"), sidecar() as s:
        os.kill(s.pid, signal.SIGKILL)
        with pytest.raises(SidecarError, match="killed by SIGKILL"):
            s.mark("dead")
        with pytest.raises(SidecarError, match="killed by SIGKILL"):
            s.reset_peak()
    assert mebibytes(s.peak) > 1


def test_an_error_of_the_block_is_not_masked() -> None:
    with pytest.raises(ZeroDivisionError), sidecar() as s:
        os.kill(s.pid, signal.SIGKILL)
        raise ZeroDivisionError


def test_a_sidecar_that_hangs_is_an_error_in_bounded_time() -> None:
    with pytest.raises(SidecarError, match=r"did not answer within 0\.2 s"), sidecar() as s:
        s._connection._patience_s = 0.2
        os.kill(s.pid, signal.SIGSTOP)
        with pytest.raises(SidecarError, match="did not answer"):
            s.mark("stopped")
    with pytest.raises(ProcessLookupError):
        os.kill(s.pid, 0)


def test_a_sidecar_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for executable, words in [
        ("/bin/false", "exit status 1"),
        ("/bin/echo", "-P -s -S -c import sys"),
        ("/no/such/python", "could not be started.*No such file"),
        ("", "needs a Python interpreter"),
    ]:
        monkeypatch.setattr(sys, "executable", executable)
        with pytest.raises(SidecarError, match=words), sidecar():
            pytest.fail("the block must not begin")


def test_nothing_of_the_program_stands_in_for_the_standard_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "select", "dataclasses", "sitecustomize", "memstat"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "json.py"))
    with sidecar() as s:
        assert s.mark("fine").peak is not None


def test_a_target_that_may_not_be_read_is_an_error(start: Callable[..., Target]) -> None:
    source = """
        import sys, memstat
        try:
            with memstat.sidecar(int(sys.argv[1])):
                print("began")
        except memstat.SidecarError as error:
            print(error)
    """
    command = [*python("\n".join(line[8:] for line in source.splitlines()))]
    pid = 1
    if os.geteuid() == 0:
        # Root without capabilities is as blind to others as anybody.
        pid = start("sleep", "60", user=65534, group=65534).pid
        command = ["setpriv", "--bounding-set", "-all", *command]
    done = subprocess.run([*command, str(pid)], capture_output=True, text=True, check=True)
    assert f"the memory of process {pid} may not be read: run memstat as" in done.stdout
    assert "began" not in done.stdout


def test_fifty_sidecars_leave_no_descriptor_thread_or_process() -> None:
    def left() -> tuple[int, int, int]:
        children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()
        listeners = [t for t in threading.enumerate() if t.name == "memstat sidecar"]
        return len(os.listdir("/proc/self/fd")), len(listeners), len(children.split())

    before = left()
    for number in range(50):
        if number % 10:
            with sidecar() as s:
                s.mark("one")
            continue
        with pytest.raises(MemstatError), sidecar() as s:
            os.kill(s.pid, signal.SIGKILL)
    assert left() == before
