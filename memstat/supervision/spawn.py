"""Starting a command, with the errors that a shell would report."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Collection, Mapping, Sequence
from typing import IO, Any, Final, NamedTuple

import anyio
from anyio import CancelScope
from anyio.abc import Process

from memstat.background import TOO_MANY_THREADS, in_thread, is_thread_shortage
from memstat.errors import NOT_EXECUTABLE, NOT_FOUND, OWN_FAILURE, SpawnError, TooManyThreads

Stream = int | IO[Any] | None

_PIDFD_VARIABLE: Final = "LISTEN_PIDFDID"
"""Says of LISTEN_PID which process it was, in a way that only systemd can say."""
_REMEDIES: Final = {
    errno.EAGAIN: "a limit on processes is reached (ulimit -u, the pids limit of the container)",
    errno.ENOMEM: "no memory is left (ulimit -v, the memory limit of the container)",
    errno.EMFILE: "raise the limit on file descriptors (ulimit -n)",
    errno.ENFILE: "the system has no file descriptor left (fs.file-max)",
}


class SpawnContext(NamedTuple):
    """What a command is started in; every default is what it would inherit without memstat."""

    stdin: Stream = None
    stdout: Stream = None
    stderr: Stream = None
    """No stream is PIPE: nothing would serve it."""
    cwd: str | os.PathLike[str] | None = None
    env: Mapping[str, str] | None = None
    pass_fds: Collection[int] = ()
    ignored_signals: Collection[int] = ()
    """Signals that the command ignores, beside those that this process ignores."""
    pid_variables: Collection[str] = ()
    """Variables of ``env`` that become the PID of the command."""


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


async def spawn(command: Sequence[str], context: SpawnContext) -> Process:
    """Start a command. Raises SpawnError."""
    if not command or not command[0]:
        raise SpawnError("the command is empty", NOT_FOUND)
    if any("\0" in argument for argument in command):
        raise SpawnError("the command holds a null byte: no program can be given one", NOT_FOUND)
    try:
        return await _open_or_interpret(command, context)
    except OSError as error:
        raise await in_thread(_explain, command[0], context, error) from error


async def _open_or_interpret(command: Sequence[str], context: SpawnContext) -> Process:
    prefix = _prefix(context)
    if prefix:
        # Its errors would be the prefix's own.
        await in_thread(_require_executable, command[0], context)
    try:
        return await _open([*prefix, *command], context)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        script = await in_thread(_find_file, command[0], context.env)
    # A script without "#!" is for the shell: execvp(3).
    return await _open(["/bin/sh", script, *command[1:]], context)


def _find_file(name: str, env: Mapping[str, str] | None) -> str:
    if os.sep in name:
        return name
    import shutil  # noqa: PLC0415 - slow to load, and needed for few commands

    return shutil.which(name, path=None if env is None else env.get("PATH")) or name


async def _open(command: Sequence[str], context: SpawnContext) -> Process:
    try:
        # A cancellation half-way through would lose a process that has already started.
        with CancelScope(shield=True):
            process = await anyio.open_process(
                command,
                stdin=context.stdin,
                stdout=context.stdout,
                stderr=context.stderr,
                cwd=context.cwd,
                env=context.env,
                pass_fds=tuple(context.pass_fds),
            )
    except RuntimeError as error:
        if not is_thread_shortage(error):
            raise
        # asyncio on Python 3.11 waits for each process in a thread. What it had started, it ends.
        raise TooManyThreads(TOO_MANY_THREADS) from error
    return process


def _prefix(context: SpawnContext) -> list[str]:
    """Return what executes the command in a state that ``open_process`` cannot give it."""
    prefix = []
    if context.pid_variables:
        own_pid = " ".join(f"{name}=$$" for name in sorted(context.pid_variables))
        script = f'unset {_PIDFD_VARIABLE}; export {own_pid}; exec "$@"'
        prefix += ["/bin/sh", "-c", script, "sh"]
    if context.ignored_signals:
        names = (signal.Signals(number).name for number in sorted(context.ignored_signals))
        # Of coreutils. A shell would do too, but for variables with names that it does not know.
        prefix += ["/usr/bin/env", f"--ignore-signal={','.join(names)}"]
    return prefix


def _require_executable(name: str, context: SpawnContext) -> None:
    """Raise the error that executing a file would raise, if it is missing or not executable."""
    path = os.path.join(context.cwd or "", _find_file(name, context.env))
    if not os.path.exists(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if os.path.isdir(path) or not os.access(path, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


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
