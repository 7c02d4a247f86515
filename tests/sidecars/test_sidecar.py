"""Sidecars in synchronous programs."""

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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import anyio
import pytest

import memstat
from memstat import MemstatError, Peak, SidecarError, sidecar
from memstat.errors import NoSuchProcess
from memstat.sampling.rate import FASTEST_S, SLOWEST_S
from memstat.sidecars.client import SidecarBlock
from memstat.sidecars.connection import Connection
from memstat.sidecars.record import Record
from memstat.sidecars.start import start_request
from tests.sidecars.held import LONG_S, end_of, held, is_running
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
    """C code that holds the GIL and memory for some seconds; returns when it began and ended."""
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
    """The alternative to a sidecar: a watch in another thread of this process."""

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
        unix_to_monotonic_s = time.monotonic() - time.time()
        async with memstat.watch(os.getpid(), interval_s=0.01) as watched:
            async for snapshot in watched:
                self.begun_s.append(snapshot.unix_time_s + unix_to_monotonic_s)
                self._ready.set()
                # The newest one may have begun long ago.
                if self.begun_s[-1] > self._until_s:
                    return


@pytest.mark.alone("the sidecar has 0.3 s to look")
def test_it_measures_memory_that_comes_and_goes_while_c_code_holds_the_gil(
    hog: Callable[[int, float], tuple[float, float]],
) -> None:
    with SamplerThread() as sampler, sidecar(interval_s=0.02) as s:
        before = s.mark("before")
        began_s, ended_s = hog(200 * MIB, 0.3)
        after = s.mark("after")
    assert mebibytes(after.peak) > mebibytes(before.peak) + 190
    assert mebibytes(s.peak) == mebibytes(after.peak)
    # A thread of this process took no sample in that time.
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


def test_a_mark_takes_a_sample_so_that_every_phase_has_one() -> None:
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


def test_it_counts_descendants_unless_recursive_is_false(start: Callable[..., Target]) -> None:
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


def test_the_target_may_end_before_the_block(start: Callable[..., Target]) -> None:
    target = start(*python("held = bytearray(60 << 20); print('ready'); input()"))
    target.line()
    with sidecar(target.pid, interval_s=0.01) as s:
        target.send()
        target.process.wait()
        # The sidecar ends with its target.
        with end_of(s.pid) as wait:
            wait()
        late = s.mark("too late")
        later = s.mark("even later")
        s.reset_peak()
        assert s.peak is None
    assert mebibytes(late.peak) > 60
    assert later.peak is None
    assert later.elapsed_s > late.elapsed_s


def test_a_process_that_does_not_exist_is_an_error_on_entering() -> None:
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


def test_after_the_block_it_can_be_read_but_takes_no_samples() -> None:
    with sidecar() as s:
        inside = s.mark("inside")
    for request in (lambda: s.mark("outside"), s.reset_peak, s.restart):
        with pytest.raises(SidecarError, match="its block was left"):
            request()
    assert s.marks == (inside,)


def test_a_killed_sidecar_is_an_error_of_mark_and_of_the_block() -> None:
    with pytest.raises(SidecarError, match="killed by SIGKILL"), sidecar() as s:
        os.kill(s.pid, signal.SIGKILL)
        with pytest.raises(SidecarError, match="killed by SIGKILL"):
            s.mark("killed")
        with pytest.raises(SidecarError, match="killed by SIGKILL"):
            s.reset_peak()
    assert mebibytes(s.peak) > 1


def test_an_error_of_the_block_is_not_masked() -> None:
    with pytest.raises(ZeroDivisionError), sidecar() as s:
        os.kill(s.pid, signal.SIGKILL)
        raise ZeroDivisionError


def test_a_sidecar_that_does_not_answer_is_an_error_in_bounded_time() -> None:
    block = SidecarBlock(patience_s=0.2)
    with pytest.raises(SidecarError, match=r"did not answer within 0\.2 s"), block as s:
        os.kill(s.pid, signal.SIGSTOP)
        with pytest.raises(SidecarError, match="did not answer"):
            s.mark("stopped")
    assert not is_running(s.pid)


def test_a_sidecar_that_cannot_start_is_an_error_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for executable, words in [
        ("/bin/false", "exit status 1"),
        ("/bin/echo", "-P -s -S -c import sys"),
        ("/no/such/python", "could not be started.*No such file"),
        ("", "needs a Python interpreter"),
    ]:
        monkeypatch.setattr(sys, "executable", executable)
        with pytest.raises(SidecarError, match=words), sidecar():
            pytest.fail("the block must not begin")


def test_a_sidecar_needs_no_thread_in_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    before = held()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with sidecar() as s:
            assert s.mark("fine").peak is not None
    assert held() == before


def test_the_snapshots_of_a_program_that_asks_nothing_are_read_meanwhile() -> None:
    record = Record(0.001, None)
    connection = Connection.start(record, listens=True)
    connection.begin(start_request(interval_s=0.001))
    until_s = time.monotonic() + LONG_S
    # More than a pipe holds, and no program asks for one.
    while len(record.snapshots) < 500 and time.monotonic() < until_s:
        time.sleep(0.01)
    assert len(record.snapshots) >= 500
    connection.close()
    assert record.tally.stats.samples == len(record.snapshots)


def test_a_free_rate_follows_what_sampling_costs(start: Callable[..., Target]) -> None:
    target = start("sh", "-c", "for n in $(seq 200); do sleep 60 & done; echo; wait")
    target.line()
    record = Record(FASTEST_S, None)
    connection = Connection.start(record, listens=True)
    connection.begin(start_request(target.pid, interval_s=None))
    until_s = time.monotonic() + LONG_S
    while not record.tally.stats.interval_changes and time.monotonic() < until_s:
        time.sleep(0.01)
    connection.close()
    changes = record.tally.stats.interval_changes
    assert changes
    assert FASTEST_S < changes[0][1] <= SLOWEST_S
    assert record.tally.stats.interval_s == changes[-1][1]


def test_the_block_of_a_sidecar_listens_and_ends_with_its_thread() -> None:
    before = {*threading.enumerate()}
    with sidecar(interval_s=60.0) as s:
        assert [thread.name for thread in {*threading.enumerate()} - before] == ["memstat sidecar"]
        # An answer is not waited for until the next tick, whichever thread reads it.
        with ThreadPoolExecutor(4) as pool:
            began_s = time.monotonic()
            marks = [*pool.map(s.mark, map(str, range(40)))]
            assert time.monotonic() - began_s < LONG_S / 2
    assert {*threading.enumerate()} <= before
    assert {*s.marks} == {*marks}


def test_no_file_of_the_program_shadows_the_standard_library(
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
        # Root without capabilities may not read processes of other users.
        pid = start("sleep", "60", user=65534, group=65534).pid
        command = ["setpriv", "--bounding-set", "-all", *command]
    done = subprocess.run([*command, str(pid)], capture_output=True, text=True, check=True)
    advice = "grant memstat CAP_SYS_PTRACE" if os.geteuid() == 0 else "run memstat as"
    assert f"the memory of process {pid} may not be read: {advice}" in done.stdout
    assert "began" not in done.stdout


def test_fifty_sidecars_leave_no_descriptor_thread_or_process() -> None:
    before = held()
    for number in range(50):
        if number % 10:
            with sidecar() as s:
                s.mark("one")
            continue
        with pytest.raises(MemstatError), sidecar() as s:
            os.kill(s.pid, signal.SIGKILL)
    assert held() == before
