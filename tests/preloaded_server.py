"""A process that has loaded memstat and becomes it in forks; ``tests/preloaded.py`` starts it."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import termios
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Final

from memstat.__main__ import main

_IMPORTED_LATE: Final = (
    *("memstat.cli.completion", "memstat.cli.get", "memstat.cli.help", "memstat.cli.root"),
    *("memstat.cli.run", "memstat.cli.run_session", "memstat.cli.watch_session"),
    *("memstat.supervision.subreaper", "click._textwrap", "importlib.readers"),
    # Half of the start of a run.
    *("anyio._backends._asyncio", "anyio._core._signals", "anyio._core._subprocesses"),
)
"""What memstat imports only once it is used: here it is loaded before all forks."""


@dataclass(frozen=True)
class _Memstat:
    """A memstat that was started, and the connection of the test that has started it."""

    pid: int
    numbers: socket.socket
    is_ended: bool = False

    def wakes_by(self) -> int:
        """Return what is readable at its end, and then once the test takes no interest in it."""
        return self.numbers.fileno() if self.is_ended else os.pidfd_open(self.pid)


def serve(connection: socket.socket) -> None:
    """Become memstat in a fork at each request; on its connection come its PID and its status."""
    started: dict[int, _Memstat] = {}
    while True:
        readable, _, _ = select.select([connection.fileno(), *started], [], [])
        for fd in started.keys() & readable:
            if ended := _go_on(fd, started.pop(fd)):
                started[ended.wakes_by()] = ended
        if connection.fileno() not in readable:
            continue
        request, streams, _, _ = socket.recv_fds(connection, 1 << 18, 4)
        if not request:
            return
        numbers = socket.socket(fileno=streams.pop())
        pid = os.fork()
        if pid == 0:
            connection.close()
            for fd in {*started, *(other.numbers.fileno() for other in started.values())}:
                os.close(fd)
            _take(streams, numbers, **json.loads(request))
            main()
        for fd in streams:
            os.close(fd)
        memstat = _Memstat(pid, numbers)
        started[memstat.wakes_by()] = memstat


def _go_on(fd: int, memstat: _Memstat) -> _Memstat | None:
    """Report its end; wait for it once the test has, as for a child of its own."""
    if memstat.is_ended:
        os.waitpid(memstat.pid, 0)
        memstat.numbers.close()
        return None
    os.close(fd)
    end = os.waitid(os.P_PID, memstat.pid, os.WEXITED | os.WNOWAIT)
    assert end is not None
    status = end.si_status if end.si_code == os.CLD_EXITED else -end.si_status
    # A test may have given it up.
    with suppress(BrokenPipeError):
        memstat.numbers.send(str(status).encode())
    return replace(memstat, is_ended=True)


def _take(
    streams: list[int],
    numbers: socket.socket,
    *,
    arguments: list[str],
    directory: str,
    environment: dict[str, str],
    new_session: bool,
    has_terminal: bool,
) -> None:
    """Have the session, streams, arguments, directory and environment of a request."""
    if new_session:
        os.setsid()
    with numbers:
        numbers.send(str(os.getpid()).encode())
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    if has_terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.argv[1:] = arguments
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    # As memstat/launcher.sh notes it.
    block = b"".join(os.fsencode(f"{name}={value}\0") for name, value in environment.items())
    os.environ["MEMSTAT_ENVIRON"] = block.hex()


if __name__ == "__main__":
    for module in _IMPORTED_LATE:
        import_module(module)
    gc.freeze()
    # As memstat does at its start: a signal that comes sooner must not end it by a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    serve(socket.socket(fileno=int(sys.argv[1])))
