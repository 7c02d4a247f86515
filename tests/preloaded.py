"""The memstat command for tests that run it often: a fork of a process that has loaded it.

It is a process of its own, with the same code from ``main`` on, and takes a tenth of the time of
the installed command, most of which is the start of Python. What the start itself does (the
launcher, the environment, signals at any moment) is tested with the installed command of
``tests.targets``.
``tests/cli/test_preloaded.py`` holds one to the other.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

_SERVER: Final = Path(__file__).with_name("preloaded_server.py")
_START_AND_LEAVE: Final = "import os, sys; os.fork() or os.execv(sys.argv[1], sys.argv[1:])"
_WITHIN_S: Final = 60


class _Server:
    """The process that has loaded memstat. It ends when its connection is closed."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.settimeout(_WITHIN_S)
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

    def start(self, arguments: tuple[str, ...], *streams: int) -> int:
        """Start memstat on three streams and return its PID."""
        request = {
            "arguments": arguments,
            "directory": os.getcwd(),
            "environment": dict(os.environ),
        }
        socket.send_fds(self._connection, [json.dumps(request).encode()], streams)
        return self._number()

    def wait(self) -> int:
        """Return the exit status of what was started last; ``-N`` when signal N ended it."""
        return self._number()

    def close(self) -> None:
        self._connection.close()

    def _number(self) -> int:
        answer = self._connection.recv(100)
        assert answer, "the process that has loaded memstat has ended"
        return int(answer)


_running: Final[list[_Server]] = []


@atexit.register
def _close() -> None:
    while _running:
        _running.pop().close()


def memstat(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run memstat to its end, and to that of all that have its output open."""
    done = memstat_in_bytes(*arguments)
    stdout, stderr = _text(done.stdout), _text(done.stderr)
    return subprocess.CompletedProcess(done.args, done.returncode, stdout, stderr)


def memstat_in_bytes(*arguments: str, stdin: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Do the same with what comes from its pipes as it is; ``stdin`` is a descriptor."""
    if not _running:
        _running.append(_Server())
    try:
        return _run(_running[0], arguments, stdin)
    except BaseException:
        # It may be in the middle of a request.
        _close()
        raise


def _text(output: bytes) -> str:
    """Return text with newlines of every kind as one, as where subprocess reads text."""
    return output.decode().replace("\r\n", "\n").replace("\r", "\n")


def _run(
    server: _Server, arguments: tuple[str, ...], stdin: int
) -> subprocess.CompletedProcess[bytes]:
    (out, to_out), (err, to_err) = os.pipe(), os.pipe()
    with open(out, "rb") as out_file, open(err, "rb") as err_file:
        try:
            pid = server.start(arguments, stdin, to_out, to_err)
        finally:
            os.close(to_out)
            os.close(to_err)
        try:
            stdout, stderr = _read(out_file.fileno(), err_file.fileno())
            status = server.wait()
        except BaseException:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(["memstat", *arguments], status, stdout, stderr)


def _read(*fds: int) -> list[bytes]:
    """Return what comes from pipes up to their ends, side by side."""
    read = dict.fromkeys(fds, b"")
    unfinished = {*fds}
    while unfinished:
        readable, _, _ = select.select([*unfinished], [], [], _WITHIN_S)
        if not readable:
            raise TimeoutError(read)
        for fd in readable:
            piece = os.read(fd, 1 << 16)
            read[fd] += piece
            if not piece:
                unfinished.remove(fd)
    return [*read.values()]
