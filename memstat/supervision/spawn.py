"""Starting a command, with the errors that a shell would report."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import anyio
from anyio import CancelScope, to_thread
from anyio.abc import Process

from memstat.errors import NOT_EXECUTABLE, NOT_FOUND, OWN_FAILURE, SpawnError

Stream = int | IO[Any] | None


@dataclass(frozen=True, slots=True)
class SpawnContext:
    """What a command is started in; every default is what it would inherit without memstat."""

    stdin: Stream = None
    stdout: Stream = None
    stderr: Stream = None
    cwd: str | os.PathLike[str] | None = None
    env: Mapping[str, str] | None = None
    pass_fds: Collection[int] = ()

    def __post_init__(self) -> None:
        if subprocess.PIPE in (self.stdin, self.stdout, self.stderr):
            raise ValueError("a stream cannot be PIPE: nothing would serve it; give it a file")


async def spawn(command: Sequence[str], context: SpawnContext) -> Process:
    """Start a command. Raises SpawnError."""
    if not command or not command[0]:
        raise SpawnError("the command is empty", NOT_FOUND)
    if any("\0" in argument for argument in command):
        raise SpawnError("the command holds a null byte: no program can be given one", NOT_FOUND)
    try:
        return await _open_or_interpret(command, context)
    except OSError as error:
        raise await to_thread.run_sync(_explain, command[0], context, error) from error


async def _open_or_interpret(command: Sequence[str], context: SpawnContext) -> Process:
    try:
        return await _open(command, context)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        script = await to_thread.run_sync(_find_script, command[0], context.env)
    # A script without "#!" is for the shell: execvp(3).
    return await _open(["/bin/sh", script, *command[1:]], context)


def _find_script(name: str, env: Mapping[str, str] | None) -> str:
    if os.sep in name:
        return name
    return shutil.which(name, path=None if env is None else env.get("PATH")) or name


async def _open(command: Sequence[str], context: SpawnContext) -> Process:
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
    return process  # noqa: RET504 - a with block may swallow, as far as mypy knows


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
    if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        return SpawnError(f"{name}: could not be started: {reason}", OWN_FAILURE)
    return SpawnError(f"{name}: {reason}", NOT_EXECUTABLE)
