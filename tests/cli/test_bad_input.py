"""What bad input gets: one line, the right status, nothing left running."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable

import pytest

from tests.cli.harness import PAUSE, assert_one_line
from tests.preloaded import memstat
from tests.targets import (
    AS_NOBODY,
    Target,
    memstat_path,
    memstat_python_path,
    needs_nobody,
    python,
    run_as_nobody,
)

REMEDY = ("same user", "root", "CAP_SYS_PTRACE", "CAP_PERFMON", "--cap-add SYS_PTRACE")


@pytest.fixture
def target(start: Callable[..., Target]) -> Target:
    target = start(*PAUSE)
    target.line()
    return target


@pytest.mark.parametrize(
    "pid", ["abc", "0", "00", "1.5", "", " 1", "+1", "1_0", "0x1", "\u0661\u0662", "9" * 5000]
)
def test_what_is_no_pid_is_wrong_usage(pid: str) -> None:
    done = memstat("get", pid)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, "is not a process id")


@pytest.mark.parametrize("arguments", [["-5"], ["--", "-5"]])
def test_a_negative_pid_is_wrong_usage(arguments: list[str]) -> None:
    done = memstat("get", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, "'-5'")


def test_no_pid_is_wrong_usage() -> None:
    done = memstat("get")
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, "PID")


@pytest.mark.parametrize("pid", [2**22 + 1, 2**31, 2**32 + 1, 2**63, 2**64, 10**50])
@pytest.mark.parametrize("options", [[], ["-r"], ["-w"], ["--json"]])
def test_a_pid_that_no_process_has(pid: int, options: list[str]) -> None:
    done = memstat("get", *options, str(pid))
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, f"no process has PID {pid}")


def test_a_control_character_in_an_argument_is_shown_escaped() -> None:
    done = memstat("get", "\x1b[31m1\n2")
    assert done.returncode == 2
    assert_one_line(done.stderr, r"\x1b[31m1\n2")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-f", "0"],
        ["-f", "-1"],
        ["-f", "nan"],
        ["-f", "inf"],
        ["-f", "1e9"],
        ["-f", "1e-320"],
        ["-f", "ten"],
        ["-f", ""],
        ["-i", "0"],
        ["-i", "-1"],
        ["-i", "nan"],
        ["-i", "inf"],
        ["-i", "1e-9"],
        ["-i", "1e300"],
    ],
)
@pytest.mark.parametrize("watch", [[], ["-w"]])
def test_an_impossible_frequency_is_wrong_usage(
    target: Target, arguments: list[str], watch: list[str]
) -> None:
    done = memstat("get", *watch, *arguments, str(target.pid))
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, f"'{arguments[0]}'")


def test_frequency_and_interval_exclude_each_other(target: Target) -> None:
    done = memstat("get", "-f", "10", "-i", "0.1", str(target.pid))
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, "-f and -i")


@pytest.mark.parametrize("arguments", [["--bogus"], ["-x"], ["-f"], ["--only-peak"]])
def test_an_option_that_get_does_not_have_is_wrong_usage(
    target: Target, arguments: list[str]
) -> None:
    done = memstat("get", str(target.pid), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr, "memstat get: ", arguments[0])


def test_the_id_of_a_thread_is_an_error_that_names_its_process(
    start: Callable[..., Target],
) -> None:
    target = start(
        *python("""
import signal, threading
threading.Thread(target=lambda: (print(threading.get_native_id()), signal.pause())).start()
""")
    )
    tid = target.line()
    done = memstat("get", tid)
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, f"{tid} is a thread of process {target.pid}")


def lifetimes_s() -> list[str]:
    """Return when to end: at any moment between the start of memstat and long after its end."""
    chance = random.Random(7)
    return [f"{chance.uniform(0, 0.04):.4f}" for _ in range(30)]


@pytest.mark.parametrize("lifetime_s", lifetimes_s())
def test_a_process_that_vanishes_meanwhile(start: Callable[..., Target], lifetime_s: str) -> None:
    target = start("sleep", lifetime_s)
    done = memstat("get", "-rv", str(target.pid))
    if done.returncode == 0:
        assert re.fullmatch(r"\[\d+\] [1-9]\d* kB \(\w+\)\nTotal: [1-9]\d* kB\n", done.stdout)
        assert done.stderr == ""
    else:
        assert done.returncode == 1
        assert " 0 kB" not in done.stdout
        assert_one_line(done.stderr, str(target.pid))


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
@pytest.mark.parametrize("options", ["", "-rv", "--json", "--maps", "-w", "-w --json"])
def test_stdout_that_takes_nothing(target: Target, redirection: str, options: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" get {options} $1 {redirection}', memstat_path(), str(target.pid)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert_one_line(done.stderr, "cannot write to standard output")


def test_all_streams_closed(target: Target) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" get $1 <&- >&- 2>&-', memstat_path(), str(target.pid)],
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


@needs_nobody
@pytest.mark.parametrize("options", [[], ["-r"], ["-w"], ["--maps"]])
def test_another_users_process_is_denied_not_0(target: Target, options: list[str]) -> None:
    done = run_as_nobody("get", *options, str(target.pid))
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, f"process {target.pid} (", *REMEDY)


@needs_nobody
def test_what_is_known_of_another_users_process_is_shown(target: Target) -> None:
    done = run_as_nobody("get", "-v", str(target.pid))
    assert done.returncode == 1
    process, total = done.stdout.splitlines()
    assert process.startswith(f"[{target.pid}] denied, RSS ")
    assert " 0 kB" not in process
    assert total == "Total: unknown"


@needs_nobody
def test_a_partial_total_names_the_remedy(start: Callable[..., Target]) -> None:
    parent = start("sh", "-c", f'{" ".join(AS_NOBODY)} {sys.executable} -c "$0" & wait', PAUSE[-1])
    assert parent.line() == "ready"
    done = run_as_nobody("get", "-rv", str(parent.pid))
    assert done.returncode == 0
    denied, measured, total = done.stdout.splitlines()
    assert denied.startswith(f"[{parent.pid}] denied")
    assert total == f"Total: {measured.split()[1]} kB"
    assert_one_line(done.stderr, "the total is partial: 1 process could not be read", *REMEDY)


@needs_nobody
@pytest.mark.parametrize("options", [[], ["-rv"], ["--only-peak"]])
def test_a_command_that_may_not_be_read_has_no_peak(options: list[str]) -> None:
    # The kernel denies the memory of a program with a file that may be executed but not read.
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy("/bin/sleep", directory)
        os.chmod(program, 0o711)
        done = run_as_nobody("run", *options, program, "0.2")
    assert done.returncode == 0
    assert "0 kB" not in re.sub(r"RSS \d+ kB", "", done.stderr)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Peak: not measured: ")
    assert all(word in last for word in ("not dumpable", *REMEDY[1:]))
    assert done.stdout == ""


@needs_nobody
@pytest.mark.parametrize("hidepid", [1, 2, 4])
def test_a_process_that_proc_hides_is_an_error_that_names_the_remedy(
    target: Target, hidepid: int
) -> None:
    mount = f"mount -t proc -o hidepid={hidepid} proc /proc"
    script = f'{mount} || exit 77; {" ".join(AS_NOBODY)} "$0" get "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, memstat_python_path(), str(target.pid)],
        capture_output=True,
        text=True,
    )
    if done.returncode == 77:
        pytest.skip(f"/proc cannot be mounted with hidepid={hidepid}: {done.stderr.strip()}")
    assert (done.returncode, done.stdout) == (1, "")
    assert_one_line(done.stderr, "hidepid", "same user", "root")


@needs_nobody
def test_a_run_works_where_proc_hides_others() -> None:
    mount = "mount -t proc -o hidepid=2 proc /proc"
    script = (
        f"{mount} || exit 77; {' '.join(AS_NOBODY)} \"$0\" run -rv -- sh -c 'sleep 0.2; exit 3'"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, memstat_python_path()], capture_output=True, text=True
    )
    if done.returncode == 77:
        pytest.skip(f"/proc cannot be mounted with hidepid: {done.stderr.strip()}")
    assert done.returncode == 3
    assert "(sleep)" in done.stderr
    assert "partial" not in done.stderr


# Systems without what memstat needs.


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["get", "1"], 1), (["run", "true"], 125), (["run", "--json", "true"], 125)],
)
@pytest.mark.parametrize("platform", ["darwin", "freebsd14"])
def test_another_system_is_an_error_at_once(
    arguments: list[str], status: int, platform: str
) -> None:
    # Modules that not every system has must not be needed to say so.
    source = f"""
import sys
sys.platform = {platform!r}
sys.modules["resource"] = sys.modules["fcntl"] = sys.modules["termios"] = None
sys.argv = ["memstat", *{arguments!r}]
from memstat.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (status, "")
    assert_one_line(done.stderr, "memstat measures Linux processes", platform)


@needs_nobody
@pytest.mark.parametrize(("arguments", "status"), [("get 1", 1), ("run touch /proc/started", 125)])
def test_a_missing_proc_is_an_error_at_once(arguments: str, status: int) -> None:
    script = f'mount -t tmpfs none /proc || exit 77; "$0" {arguments}; echo $?; ls /proc'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, memstat_path()], capture_output=True, text=True
    )
    if done.returncode == 77:
        pytest.skip(f"/proc cannot be covered: {done.stderr.strip()}")
    assert done.stdout == f"{status}\n"
    assert_one_line(done.stderr, "/proc", "not mounted")
