"""A command behaves under ``memstat run`` as it does without."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import termios
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import preloaded
from tests.cli.harness import on_terminal, open_on_terminal, read_to_end, read_until
from tests.targets import memstat_path, python

UNDER = (memstat_path(), "run", "--no-peak", "--")
UNDER_RECURSIVE = (memstat_path(), "run", "--no-peak", "-r", "--")

every_way = pytest.mark.parametrize("under", [UNDER, UNDER_RECURSIVE], ids=["plain", "recursive"])


INPUT = b"some\ninput"


class Outcome(NamedTuple):
    """What a caller sees of a command."""

    status: int
    stdout: bytes
    stderr: bytes


def outcome(command: tuple[str, ...], **options: Any) -> Outcome:
    return outcome_of(subprocess.run(command, capture_output=True, timeout=60, **options))


def outcome_of(done: subprocess.CompletedProcess[bytes]) -> Outcome:
    status = done.returncode
    return Outcome(status if status >= 0 else 128 - status, done.stdout, done.stderr)


@cache
def bare(*command: str) -> Outcome:
    """Run a command as it is, once for all that are compared with it."""
    return outcome(command, input=INPUT)


@every_way
@pytest.mark.parametrize(
    "command",
    [
        ("git", "--help"),
        ("git", "no-such-command"),
        ("sh", "-c", "exit 3"),
        ("sh", "-c", "kill -9 $$"),
        ("sh", "-c", "kill -TERM $$"),
        ("sh", "-c", "trap '' TERM; kill -TERM $$; echo survived"),
        ("sh", "-c", "trap 'echo caught; exit 9' TERM; kill -TERM $$; sleep 9"),
        ("sh", "-c", "echo out; echo err >&2; exec 1>&- 2>&-; exit 4"),
        ("sh", "-c", "printf 'no newline'"),
        ("sh", "-c", "printf '\\0\\377\\r\\033[31m'"),
        ("sh", "-c", "sleep 0.1 & wait; echo $?"),
        ("sh", "-c", "(sleep 0.1; echo late) & echo early; wait"),
        ("tty",),
        ("pwd",),
        ("cat",),
        python("import sys; print(sys.stdin.read().upper())"),
        python("import os; os.closerange(0, 1024); os._exit(4)"),
        python("import os; os.abort()"),
        python("import os; os.setsid(); print(os.getsid(0) == os.getpid())"),
        ("seq", "100000"),
    ],
    ids=" ".join,
)
def test_output_and_status_are_the_same(under: tuple[str, ...], command: tuple[str, ...]) -> None:
    # What the start does to a command is tested by all tests below.
    reading, writing = os.pipe()
    with open(reading, "rb") as stdin:
        with open(writing, "wb") as pipe:
            pipe.write(INPUT)
        done = preloaded.memstat_in_bytes(*under[1:], *command, stdin=stdin.fileno())
    assert outcome_of(done) == bare(*command)


@every_way
@pytest.mark.parametrize(
    "script",
    [
        'yes | head -3; echo "${PIPESTATUS[*]}"',
        'RUN yes | head -3; echo "${PIPESTATUS[*]}"',
        'seq 1000 | RUN sort -n | tail -1; echo "${PIPESTATUS[*]}"',
        "echo hello | RUN cat | RUN tr a-z A-Z",
        "RUN sh -c 'echo out; echo err >&2' 2>&1 >/dev/null | cat -A",
        "RUN sh -c 'read line; echo got $line' <<< text",
        "{ RUN head -c 2; cat; } <<< abcdef",
        "timeout 0.3 RUN sleep 10; echo $?",
        "nohup RUN sh -c 'kill -HUP $$; echo alive'",
        "RUN cat <&-; echo $?",
        "RUN /bin/echo x >&-; echo $?",
        "RUN sh -c 'echo lost >&2; echo $?' 2>&-",
        "RUN sh -c 'ls /proc/self/fd' <&- 2>&-",
        "RUN RUN RUN sh -c 'exit 7'; echo $?",
        "set -o pipefail; RUN false | RUN true; echo $?",
        "RUN nice -n 3 nice",
        'x=$(RUN echo captured); echo "<$x>"',
        "exec RUN sh -c 'exit 6'",
        "RUN env -i /usr/bin/env",
    ],
)
def test_shell_scripts_are_the_same(under: tuple[str, ...], script: str) -> None:
    measured = outcome(("bash", "-c", script.replace("RUN", " ".join(under))), input=INPUT)
    assert measured == bare("bash", "-c", script.replace("RUN", ""))


# What a process inherits.

STATE = python("""
import fcntl, os, re, resource
for line in open('/proc/self/status'):
    if found := re.match('(Sig(?:Blk|Ign|Cgt)):\\\\t(.*)', line):
        # Signals 32 and 33 are the C library's own: no program can set them.
        print(found[1], hex(int(found[2], 16) & ~(3 << 31)))
    elif re.match('Umask|Cap|Groups|NoNewPrivs|Seccomp|Cpus_allowed_list|Uid', line):
        print(line, end='')
print('cwd', os.getcwd(), 'session', os.getsid(0), 'group', os.getpgrp())
print('nice', os.nice(0), 'scheduler', os.sched_getscheduler(0))
for name in ('limits', 'oom_score_adj', 'coredump_filter', 'timerslack_ns', 'personality'):
    print(name, open('/proc/self/' + name).read())
environment = open('/proc/self/environ', 'rb').read().split(b'\\0')
print(*[entry for entry in environment if not entry.startswith(b'_=')], sep='\\n')
for fd in sorted(map(int, os.listdir('/proc/self/fd'))):
    try:
        print(fd, hex(fcntl.fcntl(fd, fcntl.F_GETFL)), fcntl.fcntl(fd, fcntl.F_GETFD))
    except OSError:
        pass
""")


def sh(script: str) -> tuple[str, ...]:
    """Return what a shell is to do before it becomes a command that is put behind."""
    return ("sh", "-c", f'{script}; exec "$@"', "sh")


@every_way
@pytest.mark.parametrize(
    # Each has several settings that do not touch each other.
    "before",
    [
        (),
        (*sh("umask 037"), "nice", "-n", "5", "env", "--ignore-signal=INT"),
        (
            *("env", "--ignore-signal=HUP,USR1,TTOU", "--block-signal=TERM,USR2"),
            *("PYTHONHASHSEED=3", "PYTHONWARNINGS=default", "PYTHONPATH=/nowhere", "name=x"),
        ),
        (
            *("env", "--block-signal=INT,CHLD,PIPE"),
            *("a.b=1", "BASH_FUNC_f%%=() { :; }", "PWD=/elsewhere", "TWO=a\nb", "MEMSTAT_X=1"),
        ),
        (
            *("taskset", "-c", "0", "env", "--ignore-signal=PIPE"),
            *("-u", "LC_ALL", "-u", "LC_CTYPE", "LANG=C"),
        ),
        (
            *("prlimit", "--nofile=100:200", "--core=0", "--nproc=5000:6000"),
            *("env", "--ignore-signal=XFSZ,USR2", "-u", "LC_ALL", "LANG=C", "LC_CTYPE=C"),
        ),
        (
            *sh("exec 5</dev/null 9>/dev/null"),
            *("env", "-i", "PATH=/usr/bin:/bin", "ONE=1", "EMPTY="),
        ),
        (*sh("cd /usr"), "setsid", "-w", "env", "LC_ALL=POSIX"),
        (
            *sh("exec <&-"),
            *("setpriv", "--no-new-privs"),
            *("env", b"LATIN=caf\xe9".decode("utf-8", "surrogateescape")),
        ),
        sh("exec 2>&-"),
    ],
    ids=" ".join,
)
def test_a_command_inherits_what_it_would(under: tuple[str, ...], before: tuple[str, ...]) -> None:
    # A session of its own has another number each time.
    def hide_session(done: Outcome) -> list[bytes]:
        lines = done.stdout.splitlines()
        return [b"cwd" if b"session" in line and "setsid" in before else line for line in lines]

    unmeasured = outcome((*before, *STATE))
    measured = outcome((*before, *under, *STATE))
    assert hide_session(measured) == hide_session(unmeasured)
    assert (measured.status, measured.stderr) == (unmeasured.status, unmeasured.stderr)
    assert unmeasured.status == 0


# make


MAKEFILE = """
all: a b c d
a b c d:
\t@sleep 0.1; echo made $@
nested:
\t+@$(RUN) $(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) all
"""


@every_way
@pytest.mark.parametrize("goal", ["all", "nested"])
def test_make_shares_its_jobserver(tmp_path: Path, under: tuple[str, ...], goal: str) -> None:
    makefile = tmp_path / "Makefile"
    makefile.write_text(MAKEFILE)
    run = "RUN=" + " ".join(under)
    made = outcome((*under, "make", "-j4", "-f", str(makefile), goal, run))
    assert made.status == 0
    assert sorted(made.stdout.splitlines()) == [b"made " + x for x in (b"a", b"b", b"c", b"d")]
    assert made.stderr == b"", "make says so when its jobserver does not reach a sub-make"


# Daemons


DAEMON = python("""
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 100)
        fd = os.open(sys.argv[1], os.O_WRONLY)
        os.write(fd, b'%d %d' % (os.getpid(), os.getsid(0)))
        os.close(fd)
        import signal
        signal.pause()
    os._exit(0)
os.wait()
print('started')
os._exit(5)
""")


@every_way
def test_a_daemon_lives_on(tmp_path: Path, under: tuple[str, ...]) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        done = outcome((*under, *DAEMON, str(fifo)))
        os.set_blocking(reader, True)
        pid, _ = map(int, os.read(reader, 100).split())
        os.kill(pid, signal.SIGKILL)
    finally:
        os.close(reader)
    assert done == (5, b"started\n", b"")


# Terminals


TERMINAL_STATE = python("""
import os, sys, termios
print([os.isatty(fd) for fd in range(3)], os.get_terminal_size())
print('foreground', os.tcgetpgrp(0) == os.getpgrp(), 'leader', os.getpgrp() == os.getpid())
print(termios.tcgetattr(0)[:6])
print(open('/proc/self/stat').read().split()[6] != '0', os.open('/dev/tty', os.O_RDWR) > 0)
""")


@every_way
@pytest.mark.parametrize(
    "command",
    [
        ("stty", "size"),
        ("stty", "-a"),
        ("tty", "-s"),
        ("sh", "-c", "test -t 0 && test -t 1 && test -t 2"),
        ("sh", "-c", "stty -echo; stty -a; stty echo"),
        ("ls", "--color=auto", "/"),
        TERMINAL_STATE,
    ],
    ids=" ".join,
)
def test_the_terminal_is_the_commands(under: tuple[str, ...], command: tuple[str, ...]) -> None:
    # Started by a shell that waits, since a group leader differs from its children in any case.
    shell = ("sh", "-c", '"$@"; echo status $?', "sh")
    unmeasured = on_terminal(*shell, *command)
    measured = on_terminal(*shell, *under, *command)
    assert unmeasured[0] == 0
    assert "status 0" in unmeasured[1]
    assert measured == unmeasured


def test_the_size_of_the_terminal_reaches_the_command() -> None:
    shell = ("sh", "-c", 'read _; "$@"', "sh")
    with open_on_terminal([*shell, *UNDER, "stty", "size"]) as (process, near):
        fcntl.ioctl(near, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
        os.write(near, b"\n")
        assert b"33 101" in read_to_end(near)
        assert process.wait(timeout=60) == 0


def test_a_command_reads_the_terminal() -> None:
    with open_on_terminal([*UNDER, *python("print('got', input('? '))")]) as (process, near):
        read_until(near, b"? ")
        os.write(near, b"typed\n")
        assert b"got typed" in read_to_end(near)
        assert process.wait(timeout=60) == 0


def test_python_settings_in_the_environment_do_no_harm() -> None:
    settings = {"PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"}
    done = outcome((*UNDER, "sh", "-c", "exit 3"), env={**os.environ, **settings})
    assert done == (3, b"", b"")
