"""Starting a command, with the errors that a shell would report."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final

import anyio

from memstat.background import in_thread
from memstat.errors import NOT_EXECUTABLE, NOT_FOUND, OWN_FAILURE, SpawnError
from memstat.proc.signals import open_pidfd

Stream = int | IO[Any] | None

_UNKNOWN_CODE: Final = 255
_PIDFD_VARIABLE: Final = "LISTEN_PIDFDID"
"""Says of LISTEN_PID which process it was, in a way that only systemd can say."""
_POLL_S: Final = 0.02
"""How often to look for the end of a command where the kernel has no pidfds (before 5.3)."""
_REMEDIES: Final = {
    errno.EAGAIN: "a limit on processes is reached (ulimit -u, the pids limit of the container)",
    errno.ENOMEM: "no memory is left (ulimit -v, the memory limit of the container)",
    errno.EMFILE: "raise the limit on file descriptors (ulimit -n)",
    errno.ENFILE: "the system has no file descriptor left (fs.file-max)",
}


@dataclass(frozen=True, slots=True)
class SpawnContext:
    """What a command is started in; every default is what it would inherit without memstat."""

    stdin: Stream = None
    stdout: Stream = None
    stderr: Stream = None
    cwd: str | os.PathLike[str] | None = None
    env: Mapping[str, str] | None = None
    pass_fds: Collection[int] = ()
    ignored_signals: Collection[int] = ()
    """Signals that the command ignores. For a program without threads that hold locks: it forks."""
    pid_variables: Collection[str] = ()
    """Variables of ``env`` that become the PID of the command; likewise."""

    def __post_init__(self) -> None:
        if subprocess.PIPE in (self.stdin, self.stdout, self.stderr):
            raise ValueError("a stream cannot be PIPE: nothing would serve it; give it a file")


def as_arguments(command: Sequence[str | os.PathLike[str]]) -> Sequence[str]:
    """Return a command as a list of strings. Raises TypeError for a string, which is none.

    >>> from pathlib import Path
    >>> as_arguments([Path("/bin/ls"), "-l"])
    ['/bin/ls', '-l']
    """
    if isinstance(command, str | bytes | os.PathLike):
        raise TypeError(
            f"a command is a list of arguments, not {command!r}: no shell splits it; give a list,"
            " shlex.split(...), or ['sh', '-c', ...]"
        )
    return [os.fsdecode(argument) for argument in command]


class CommandProcess:
    """A command that was started, to be waited for on any event loop."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._pidfd = open_pidfd(process.pid)
        self._turn = anyio.Lock()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, or minus the number of a signal; ``None`` while it runs."""
        if self._process.returncode is None:
            self._process.returncode = self._reap()
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end; return the exit code as ``returncode``."""
        async with self._turn:
            while (code := self.returncode) is None:
                if self._pidfd is None:
                    await anyio.sleep(_POLL_S)
                else:
                    await anyio.wait_readable(self._pidfd)
            self.close()
        return code

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the pidfd. Harmless when repeated."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def _reap(self) -> int | None:
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            # This program has reaped it by other means, or ignores SIGCHLD (wait(2)).
            return _UNKNOWN_CODE
        return os.waitstatus_to_exitcode(status) if pid else None


async def spawn(command: Sequence[str], context: SpawnContext) -> CommandProcess:
    """Start a command. Raises SpawnError."""
    if not command or not command[0]:
        raise SpawnError("the command is empty", NOT_FOUND)
    if any("\0" in argument for argument in command):
        raise SpawnError("the command holds a null byte: no program can be given one", NOT_FOUND)
    try:
        return await _open_or_interpret(command, context)
    except OSError as error:
        raise await in_thread(_explain, command[0], context, error) from error


async def _open_or_interpret(command: Sequence[str], context: SpawnContext) -> CommandProcess:
    try:
        return _open(command, context)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        script = await in_thread(_find_script, command[0], context.env)
    # A script without "#!" is for the shell: execvp(3).
    return _open(["/bin/sh", script, *command[1:]], context)


def _find_script(name: str, env: Mapping[str, str] | None) -> str:
    if os.sep in name:
        return name
    return shutil.which(name, path=None if env is None else env.get("PATH")) or name


def _open(command: Sequence[str], context: SpawnContext) -> CommandProcess:
    # Not by the event loop: some start a thread for each process once it runs, and then there may
    # be none. Nor in a thread: PR_SET_PDEATHSIG of the command is about the thread that started it.
    return CommandProcess(
        subprocess.Popen(
            command,
            stdin=context.stdin,
            stdout=context.stdout,
            stderr=context.stderr,
            cwd=context.cwd,
            env=context.env,
            pass_fds=tuple(context.pass_fds),
            preexec_fn=_preparation(command, context),  # noqa: PLW1509 - see SpawnContext
        )
    )


def _preparation(command: Sequence[str], context: SpawnContext) -> Callable[[], None] | None:
    """Return what the child does before it executes the command; ``None`` for nothing.

    SIGCHLD, ignored here even for a moment, would lose the status of a command that ends in it.
    """
    if not context.ignored_signals and not context.pid_variables:
        return None

    def prepare() -> None:
        for signum in context.ignored_signals:
            signal.signal(signum, signal.SIG_IGN)
        if context.pid_variables and context.env is not None:
            own = dict.fromkeys(context.pid_variables, str(os.getpid()))
            environment = {**context.env, **own}
            environment.pop(_PIDFD_VARIABLE, None)
            # Where this fails, Popen fails in the same way and reports it.
            with suppress(OSError):
                os.execvpe(command[0], [*command], environment)  # noqa: S606

    return prepare


def _explain(  # noqa: PLR0911 - a return for each cause
    name: str, context: SpawnContext, error: OSError
) -> SpawnError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    if context.cwd is not None and not os.access(context.cwd, os.X_OK):
        return SpawnError(f"{os.fspath(context.cwd)}: cannot be started in: {reason}", OWN_FAILURE)
    if isinstance(error, FileNotFoundError):
        if os.sep in name and os.path.exists(os.path.join(context.cwd or "", name)):
            return SpawnError(
                f"{name}: the interpreter in its first line is missing", NOT_EXECUTABLE
            )
        return SpawnError(f"{name}: command not found", NOT_FOUND)
    if isinstance(error, NotADirectoryError):
        return SpawnError(f"{name}: {reason}", NOT_FOUND)
    if os.sep in name and os.path.isdir(name):
        return SpawnError(f"{name}: is a directory", NOT_EXECUTABLE)
    if isinstance(error, PermissionError):
        return SpawnError(f"{name}: found, but not executable ({reason})", NOT_EXECUTABLE)
    if error.errno in _REMEDIES:
        remedy = _REMEDIES[error.errno]
        return SpawnError(f"{name}: could not be started: {reason}; {remedy}", OWN_FAILURE)
    return SpawnError(f"{name}: {reason}", NOT_EXECUTABLE)
