"""The memstat command for tests that run it often: a fork of a process that has loaded it.

It is a process of its own, with the same code from ``main`` on, and takes a tenth of the time of
the installed command, most of which is the start of Python. What the start itself does (the
launcher, the environment, signals at any moment) is tested with the installed command of
``tests.targets``.
``tests/cli/test_preloaded.py`` holds one to the other.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

_SERVER: Final = Path(__file__).with_name("preloaded_server.py")
_START_AND_LEAVE: Final = "import os, sys; os.fork() or os.execv(sys.argv[1], sys.argv[1:])"
_WITHIN_S: Final = 60


class _Server:
    """The process that has loaded memstat. It ends when its connection is closed."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # No child of the test process, which some tests measure with all that it started. (A
            # shell would have it ignore SIGINT.)
            server = [sys.executable, "-P", str(_SERVER), str(theirs.fileno())]
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", _START_AND_LEAVE, *server],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                check=True,
            )

    def start(self, streams: tuple[int, int, int], **request: object) -> socket.socket:
        """Start memstat on three streams; return the connection on which numbers come.

        The first is its PID, the second its exit status.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            message = json.dumps(request).encode()
            socket.send_fds(self._connection, [message], [*streams, theirs.fileno()])
        return ours

    def close(self) -> None:
        self._connection.close()


_running: Final[list[_Server]] = []


@atexit.register
def _close() -> None:
    while _running:
        _running.pop().close()


class Running(subprocess.Popen[bytes]):
    """A memstat that has been started, and is no child of this process.

    Each stream is a descriptor or ``PIPE``. With ``has_terminal``, its stdin is the terminal of its
    session, which is one of its own.
    """

    def __init__(
        self,
        *arguments: str,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int = 2,
        env: Mapping[str, str] = os.environ,
        start_new_session: bool = False,
        has_terminal: bool = False,
    ) -> None:
        self.args = ["memstat", *arguments]
        self.stdin, near_stdin = _pipe_to(stdin)
        self.stdout, near_stdout = _pipe_from(stdout)
        self.stderr, near_stderr = _pipe_from(stderr)
        near = (near_stdin, near_stdout, near_stderr)
        try:
            if not _running:
                _running.append(_Server())
            self._numbers = _running[0].start(
                near,
                arguments=arguments,
                directory=os.getcwd(),
                environment=dict(env),
                new_session=start_new_session or has_terminal,
                has_terminal=has_terminal,
            )
        finally:
            for fd in {*near} - {stdin, stdout, stderr}:
                os.close(fd)
        self._read: dict[IO[bytes] | None, bytes] = {}
        self.returncode: int | Any = None
        self.pid = self._number(_WITHIN_S)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self.returncode = self._number(timeout)
            self._numbers.close()
        return self.returncode

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def communicate(
        self,
        input: None = None,  # type: ignore[override]  # noqa: A002, ARG002 - as Popen
        timeout: float | None = None,
    ) -> tuple[bytes, bytes]:
        """Do as Popen does, which may be asked again after a timeout; there is no input."""
        until_s = None if timeout is None else time.monotonic() + timeout
        if self.stdin:
            self.stdin.close()
        for stream in (self.stdout, self.stderr):
            if stream and stream not in self._read:
                self._read[stream] = _buffered(stream)
        while unfinished := [stream for stream in self._read if stream and not stream.closed]:
            left_s = None if until_s is None else max(0, until_s - time.monotonic())
            readable, _, _ = select.select(unfinished, [], [], left_s)
            if not readable:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            for stream in readable:
                piece = os.read(stream.fileno(), 1 << 16)
                self._read[stream] += piece
                if not piece:
                    stream.close()
        self.wait(None if until_s is None else max(0, until_s - time.monotonic()))
        out, err = (self._read.get(stream, b"") for stream in (self.stdout, self.stderr))
        return out, err

    def _number(self, within_s: float | None) -> int:
        if not select.select([self._numbers], [], [], within_s)[0]:
            raise subprocess.TimeoutExpired(self.args, within_s or 0)
        answer = self._numbers.recv(100)
        assert answer, "the process that has loaded memstat has ended"
        return int(answer)


def _pipe_to(stream: int) -> tuple[IO[bytes] | None, int]:
    """Return our end, if there is one, and that of memstat."""
    if stream != subprocess.PIPE:
        return None, stream
    theirs, ours = os.pipe()
    return open(ours, "wb", buffering=0), theirs


def _pipe_from(stream: int) -> tuple[IO[bytes] | None, int]:
    if stream != subprocess.PIPE:
        return None, stream
    ours, theirs = os.pipe()
    return open(ours, "rb"), theirs


def _buffered(stream: IO[bytes]) -> bytes:
    """Return what has been read behind the last line that a test has read."""
    os.set_blocking(stream.fileno(), False)
    assert isinstance(stream, io.BufferedReader)
    return stream.read(len(stream.peek()))


def memstat(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run memstat to its end, and to that of all that have its output open."""
    done = memstat_in_bytes(*arguments)
    stdout, stderr = _text(done.stdout), _text(done.stderr)
    return subprocess.CompletedProcess(done.args, done.returncode, stdout, stderr)


def memstat_in_bytes(*arguments: str, stdin: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Do the same with what comes from its pipes as it is; ``stdin`` is a descriptor."""
    with Running(*arguments, stdin=stdin, stderr=subprocess.PIPE) as running:
        try:
            stdout, stderr = running.communicate(timeout=_WITHIN_S)
        finally:
            running.kill()
    return subprocess.CompletedProcess(running.args, running.returncode, stdout, stderr)


def _text(output: bytes) -> str:
    """Return text with newlines of every kind as one, as where subprocess reads text."""
    return output.decode().replace("\r\n", "\n").replace("\r", "\n")
