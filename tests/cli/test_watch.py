"""``memstat get -w``."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable

import pytest

from tests.cli.harness import (
    PROCESS_LINE,
    TOTAL_LINE,
    UNTIL_INPUT,
    open_preloaded_on_terminal,
    read_to_end,
    read_until,
    wait_for,
)
from tests.cli.json_fields import assert_snapshot, assert_watch_summary
from tests.preloaded import Running, memstat
from tests.targets import Target, memstat_path


@pytest.fixture
def target(start: Callable[..., Target]) -> Target:
    target = start(*UNTIL_INPUT)
    assert target.line() == "ready"
    return target


@pytest.fixture
def watch(start_preloaded: Callable[..., Target], target: Target) -> Callable[..., Target]:
    """Watch the target at 50 Hz."""
    return lambda *options: start_preloaded(
        "get", "-wf50", *options, str(target.pid), stderr=subprocess.PIPE
    )


def finish(watching: Target) -> tuple[int, list[str], list[str]]:
    """Wait for the end; return the status and the rest of stdout and stderr."""
    out, err = watching.process.communicate(timeout=60)
    return watching.process.returncode, out.decode().splitlines(), err.decode().splitlines()


def test_it_prints_a_total_per_tick_until_the_target_ends_then_the_peak(
    watch: Callable[..., Target], target: Target
) -> None:
    watching = watch()
    seen = [watching.line() for _ in range(3)]
    target.send()
    status, out, err = finish(watching)
    assert status == 0
    *totals, title, peak = seen + out
    assert title == "Peak:"
    assert all(TOTAL_LINE.fullmatch(line) for line in totals)
    sizes = [int(line.split()[1]) for line in totals]
    assert int(peak.split()[1]) >= max(sizes)
    assert [line for line in err if "ticks: the peak may" not in line] == []


def test_verbose_prints_a_block_per_tick(watch: Callable[..., Target], target: Target) -> None:
    watching = watch("-v")
    seen = [watching.line() for _ in range(4)]
    target.send()
    status, out, _ = finish(watching)
    assert status == 0
    lines = seen + out
    assert lines[-3] == "Peak:"
    del lines[-3]
    for process, total in zip(lines[::2], lines[1::2], strict=True):
        line = PROCESS_LINE.fullmatch(process)
        assert line
        assert total.removeprefix("Total: ") == process.split(" ", 1)[1].rpartition(" (")[0]


def test_bytes_are_numbers_alone(watch: Callable[..., Target], target: Target) -> None:
    watching = watch("--bytes")
    first = watching.line()
    target.send()
    status, out, _ = finish(watching)
    assert status == 0
    out.remove("Peak:")
    assert all(re.fullmatch(r"\d+", line) for line in [first, *out])


def test_ctrl_c_gives_the_peak_and_130(watch: Callable[..., Target]) -> None:
    watching = watch()
    seen = [watching.line() for _ in range(3)]
    watching.process.send_signal(signal.SIGINT)
    status, out, _ = finish(watching)
    assert status == 130
    assert out[-2] == "Peak:"
    assert int(out[-1].split()[1]) >= max(int(line.split()[1]) for line in seen)


def test_ctrl_c_on_a_terminal_gives_the_peak_and_130(target: Target) -> None:
    watch = ("get", "-w", "--json", str(target.pid))
    with (
        open(os.devnull, "wb") as nowhere,
        open_preloaded_on_terminal(*watch, stderr=nowhere.fileno()) as (process, near),
    ):
        read_until(near, b"snapshot")
        os.write(near, b"\x03")
        shown = read_to_end(near).decode()
        assert process.wait(timeout=60) == 130
    assert_watch_summary(json.loads(shown.splitlines()[-1]))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_gives_the_peak_too(
    watch: Callable[..., Target], signum: signal.Signals
) -> None:
    watching = watch()
    watching.line()
    watching.process.send_signal(signum)
    status, out, err = finish(watching)
    assert status == 128 + signum
    assert out[-2] == "Peak:"
    assert not [line for line in err if "Traceback" in line]


def test_json_is_a_line_per_tick_and_a_summary(
    watch: Callable[..., Target], target: Target
) -> None:
    watching = watch("--json", "-r")
    # Each line is there while the watch goes on: it is flushed.
    seen = [watching.line() for _ in range(3)]
    target.send()
    status, out, _ = finish(watching)
    assert status == 0
    *snapshots, summary = [json.loads(line) for line in seen + out]
    for snapshot in snapshots:
        assert_snapshot(snapshot)
    ticks = [snapshot["tick"] for snapshot in snapshots]
    assert ticks == sorted(ticks)
    assert_watch_summary(summary)
    totals = [snapshot["total"]["pss_bytes"] for snapshot in snapshots]
    assert summary["peak"]["pss_bytes"] >= max(totals)
    assert summary["interval_s"] == pytest.approx(0.02)
    assert summary["samples"] >= 3


def test_a_reader_that_leaves_ends_it_quietly(target: Target) -> None:
    piped = subprocess.run(
        [
            "bash",
            "-c",
            '"$0" get -rvw -f 200 "$1" | head -3; echo "${PIPESTATUS[0]}"',
            memstat_path(),
            str(target.pid),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    *lines, status = piped.stdout.splitlines()
    assert len(lines) == 3
    assert status == str(128 + signal.SIGPIPE), "it ends as any filter does"
    assert piped.stderr == ""


def test_a_full_disk_ends_it_with_one_line(target: Target) -> None:
    watch = ("get", "-w", str(target.pid))
    with (
        open("/dev/full", "wb") as full,
        Running(*watch, stdout=full.fileno(), stderr=subprocess.PIPE) as watching,
    ):
        _, err = watching.communicate(timeout=60)
    assert watching.returncode == 1
    assert err == b"memstat: cannot write to standard output: No space left on device\n"


def test_a_target_that_has_ended_already_is_missing(target: Target) -> None:
    target.send()
    target.process.wait()
    done = memstat("get", "-w", str(target.pid))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"memstat: no process has PID {target.pid}\n"


def test_a_second_ctrl_c_gets_through_when_nothing_reads_the_output(
    watch: Callable[..., Target],
) -> None:
    watching = watch("-v", "-f", "1000")
    assert watching.process.stdout is not None
    block = f"{watching.line()}\n{watching.line()}\n"
    fd = watching.process.stdout.fileno()
    capacity = fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 4096)
    # Full enough for the block of the peak not to fit, which is longer by a line.
    full = capacity - len(block) - len("Pea")
    while int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder) <= full:
        time.sleep(0.01)
    status = None
    while status is None:
        watching.process.send_signal(signal.SIGINT)
        status = wait_for(watching.process, 0.2)
    assert status == -signal.SIGINT
