"""Starting the sidecar process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import Final, NamedTuple

from memstat.errors import SidecarError
from memstat.proc.ending import NAME_FILE
from memstat.proc.system import system
from memstat.sidecars.interpreter import Interpreter, choose

NAME: Final = "memstat-sidecar"
"""The name of every sidecar, as ``ps`` shows it: nothing that memstat measures counts one."""

_PACKAGE_ROOT: Final = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
_ENVIRON: Final = os.environ

# No sitecustomize, no .pth file, no current directory and no PYTHONPATH: no file of the program can
# shadow the standard library, and no hook of a test runner or a coverage tool is run.
_FLAGS: Final = ("-P", "-s", "-S")
_MAIN: Final = "from memstat.sidecars.server import main; main()"
# The process that is started here forks at once and ends: the sidecar is no child of the program.
_BOOT: Final = (
    "import sys, posix; "
    f"posix.write(posix.open({NAME_FILE!r}, 1), {NAME.encode()!r}); "
    "posix.fork() and posix._exit(0); "
    # Nothing is left to be done at the end: the host waits for it.
    f"sys.path.append(sys.argv[1]); {_MAIN}; posix._exit(0)"
)
_KEPT: Final = frozenset({"PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"})
# Python ignores these; a program that it starts should not (subprocess does the same).
_DEFAULT_SIGNALS: Final = (signal.SIGPIPE, signal.SIGXFSZ)
_DUP2: Final = os.POSIX_SPAWN_DUP2


class Launched(NamedTuple):
    """A process that becomes a sidecar, and this end of its pipes."""

    interpreter: Interpreter
    """What runs it."""
    pid: int
    """The child that forks the sidecar and ends; it leads their process group."""
    requests_fd: int
    """Written to, its stdin."""
    log_fd: int
    """Read from without blocking: its stdout, and what the interpreter prints when it fails."""


def spawn(python: str | None) -> Launched:
    """Start a sidecar that says hello and waits for its start request. Raises SidecarError.

    It has a session of its own: a signal that a terminal sends to the program does not reach it.
    """
    interpreter = choose(
        python, _ENVIRON, sys.executable, is_frozen=bool(getattr(sys, "frozen", False))
    )
    open_fds: list[int] = []
    try:
        for _ in range(2):
            open_fds += system.pipe()
        stdin, requests_fd, log_fd, stdout = open_fds
        pid = _start(interpreter, stdin, stdout)
    except OSError as error:
        for fd in open_fds:
            system.close(fd)
        raise SidecarError(f"the sidecar could not be started: {error}") from error
    system.close(stdin)
    system.close(stdout)
    system.set_blocking(log_fd, False)
    return Launched(interpreter, pid, requests_fd, log_fd)


def is_command_of_sidecar(command_line: str) -> bool:
    """Whether a process that was started with this command line is a sidecar."""
    return _MAIN in command_line


def _start(interpreter: Interpreter, stdin: int, stdout: int) -> int:
    return system.posix_spawnp(
        interpreter.path,
        # The PID is for people: it shows in ps which program a sidecar belongs to.
        [interpreter.path, *_FLAGS, "-c", _BOOT, _PACKAGE_ROOT, str(system.getpid())],
        _environment(_ENVIRON),
        file_actions=[(_DUP2, stdin, 0), (_DUP2, stdout, 1), (_DUP2, stdout, 2)],
        setsid=True,
        setsigmask=(),
        setsigdef=_DEFAULT_SIGNALS,
    )


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in given.items()
        if name in _KEPT or not name.startswith("PYTHON")
    }
