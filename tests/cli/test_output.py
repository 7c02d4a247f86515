"""A stream of the command line, and the statuses that errors lead to."""

from __future__ import annotations

import errno
import io
import os
import pty
import termios

import click
import pytest

from memstat.cli.exit_status import ExitStatus, stopped_by
from memstat.cli.output import Output
from memstat.cli.root import status_of
from memstat.errors import MemstatError, OutputError, SpawnError


class Broken(io.StringIO):
    """A pipe that has lost its reader."""

    def write(self, _: str) -> int:
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))


def test_a_remark_is_one_printable_line_under_the_name_of_the_program() -> None:
    stream = io.StringIO()
    output = Output(stream, "standard error")
    output.remark("a\nb\x1b[31m")
    output.remark("no such option", of="memstat run")
    assert stream.getvalue() == "memstat: a\\nb\\x1b[31m\nmemstat run: no such option\n"


def test_a_remark_ends_lines_between_words_where_a_terminal_is_narrow() -> None:
    master, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 40))
    with open(terminal, "w", encoding="utf-8") as stream:
        Output(stream, "standard error").remark(f"a longer interval (-i) costs {'x' * 40} less")
        printed = os.read(master, 1000).decode()
    os.close(master)
    assert printed.splitlines() == [
        "memstat: a longer interval (-i) costs",
        f"  {'x' * 40}",
        "  less",
    ]


def test_a_stream_that_failed_is_closed_and_goes_on_failing() -> None:
    stream = Broken()
    output = Output(stream, "standard output")
    for _ in range(2):
        with pytest.raises(OutputError, match=r"^cannot write to standard output: Broken pipe$"):
            output.write("text")
    assert stream.closed
    output.try_write("text")
    output.remark("text")


@pytest.mark.parametrize("closed", [True, False])
def test_a_stream_that_is_closed_takes_nothing(*, closed: bool) -> None:
    stream = io.StringIO()
    stream.close()
    output = Output(stream if closed else None, "standard error")
    assert not output.is_terminal
    assert output.live_terminal is None
    with pytest.raises(OutputError, match=r"^cannot write to standard error: it is closed$"):
        output.write("text")
    output.remark("text")


@pytest.mark.parametrize(
    ("error", "command", "status"),
    [
        (MemstatError("odd"), "get", 1),
        (MemstatError("odd"), None, 1),
        (MemstatError("odd"), "run", 125),
        (OSError(errno.ENOSPC, "full"), "get", 1),
        (OSError(errno.ENOSPC, "full"), "run", 125),
        (MemoryError(), "run", 125),
        (RuntimeError("can't start new thread"), "run", 125),
        (SpawnError("missing", 127), "run", 127),
        (SpawnError("text", 126), "run", 126),
        (SpawnError("no memory", 125), "run", 125),
        (click.UsageError("what?"), "get", 2),
        (click.UsageError("what?"), None, 2),
        (click.UsageError("what?"), "run", 125),
        (click.Abort(), "get", 130),
        (click.Abort(), "run", 130),
    ],
)
def test_every_error_has_its_status(error: Exception, command: str | None, status: int) -> None:
    assert status_of(error, command) == status


def test_the_statuses_are_those_that_are_documented() -> None:
    assert {status.name: status.value for status in ExitStatus} == {
        "OK": 0,
        "FAILURE": 1,
        "USAGE": 2,
        "NOT_COMPARABLE": 3,
        "LIMIT_EXCEEDED": 124,
        "OWN_FAILURE": 125,
        "NOT_EXECUTABLE": 126,
        "NOT_FOUND": 127,
        "INTERRUPTED": 130,
    }
    assert stopped_by(15) == 143
