"""The files that a run writes to, opened before anything is started."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import IO, NamedTuple

from memstat.cli.output import Output, file_output
from memstat.cli.run_options import Paths
from memstat.errors import OutputError
from memstat.proc.streams import duplicate, stream_of
from memstat.supervision.spawn import Stream


class Redirection(NamedTuple):
    """The command's stdout and stderr; ``None`` for what it inherits."""

    stdout: Stream = None
    stderr: Stream = None


def open_redirection(paths: Paths, *, stdout_to_stderr: bool, files: ExitStack) -> Redirection:
    """Open what was asked for; ``files`` closes it again. Raises OutputError."""
    stdout: Stream = 2 if stdout_to_stderr else None
    if paths.stdout is not None:
        stdout = files.enter_context(_open(paths.stdout, dash=1, append=paths.append))
    if paths.stderr is None:
        return Redirection(stdout)
    if _is_same(paths.stdout, paths.stderr):
        return Redirection(stdout, stdout)
    return Redirection(
        stdout, files.enter_context(_open(paths.stderr, dash=2, append=paths.append))
    )


def open_report(paths: Paths, files: ExitStack) -> Output | None:
    """Open the file of the report; ``None`` without one. Raises OutputError."""
    path = paths.report
    if path is None:
        return None
    for option, other in (("-O", paths.stdout), ("-E", paths.stderr)):
        if not paths.append and _is_same(other, path):
            raise OutputError(
                f"{option} and --report name the same file, {path}: each would overwrite the"
                " other; add --append"
            )
    return file_output(files.enter_context(_open(path, dash=1, append=paths.append)), path)


def _is_same(one: str | None, other: str) -> bool:
    # Two descriptors of one file would overwrite each other's output. A stream has one offset.
    return (
        one is not None
        and _stream(one, dash=1) is None
        and os.path.realpath(one) == os.path.realpath(other)
    )


def _open(path: str, *, dash: int, append: bool) -> IO[bytes]:
    try:
        stream = _stream(path, dash=dash)
        if stream is not None:
            return open(duplicate(stream), "wb", buffering=0)
        return open(path, "ab" if append else "wb", buffering=0)
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror}") from error


def _stream(path: str, *, dash: int) -> int | None:
    return dash if path == "-" else stream_of(path)
