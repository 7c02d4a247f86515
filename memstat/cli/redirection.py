"""Where the command's output goes, decided before anything is started."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

from memstat.cli.output import OutputError
from memstat.supervision.spawn import Stream


@dataclass(frozen=True, slots=True)
class Redirection:
    """The command's stdout and stderr; ``None`` for what it inherits."""

    stdout: Stream = None
    stderr: Stream = None


def open_redirection(
    stdout_path: str | None, stderr_path: str | None, *, stdout_to_stderr: bool, files: ExitStack
) -> Redirection:
    """Open what was asked for; ``files`` closes it again. Raises OutputError."""
    stdout: Stream = 2 if stdout_to_stderr else None
    if stdout_path is not None:
        stdout = files.enter_context(_open(stdout_path))
    if stderr_path is None:
        return Redirection(stdout)
    if _is_same(stdout_path, stderr_path):
        return Redirection(stdout, stdout)
    return Redirection(stdout, files.enter_context(_open(stderr_path)))


def _is_same(one: str | None, other: str) -> bool:
    # Two descriptors of one file would overwrite each other's output.
    return one is not None and os.path.realpath(one) == os.path.realpath(other)


def _open(path: str) -> IO[bytes]:
    try:
        return open(path, "wb", buffering=0)
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror}") from error
