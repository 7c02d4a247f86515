"""A process that has loaded memstat and becomes it in forks; ``tests/preloaded.py`` starts it."""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
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


def serve(connection: socket.socket) -> None:
    """Become memstat in a fork at each request; return its PID at once, its status at its end."""
    while True:
        request, streams, _, _ = socket.recv_fds(connection, 1 << 18, 3)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            connection.close()
            _take(streams, **json.loads(request))
            main()
        for fd in streams:
            os.close(fd)
        connection.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def _take(
    streams: list[int], arguments: list[str], directory: str, environment: dict[str, str]
) -> None:
    """Have the streams, the arguments, the directory and the environment of a request."""
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
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
    serve(socket.socket(fileno=int(sys.argv[1])))
