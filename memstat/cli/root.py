"""The ``memstat`` command and its errors: one line on standard error, and an exit status."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Final

import click

from memstat import __version__
from memstat.cli.exit_status import ExitStatus
from memstat.cli.output import standard_error
from memstat.errors import MemstatError, SpawnError
from memstat.proc.platform import require_linux_kernel

_HOMES: Final[Mapping[str, str]] = {
    "get": "memstat.cli.get",
    "run": "memstat.cli.run",
    "report": "memstat.cli.report",
    "export": "memstat.cli.export",
    "replay": "memstat.cli.replay",
    "bench": "memstat.cli.bench",
    "compare": "memstat.cli.compare",
    "help": "memstat.cli.help",
    "completion": "memstat.cli.completion",
}

_EPILOG: Final = """
Sizes are PSS: a page that n processes share counts 1/n in each of them.

\b
Examples:
  memstat get -r 1234            a process and all its descendants
  memstat run -rv -- make -j4    a command and all its descendants, live
  memstat help limits            a page of the guide
"""


class _LazyGroup(click.Group):
    """Imports a command when it is used, so that each command costs only its own imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _HOMES:
            return None
        command = importlib.import_module(_HOMES[cmd_name]).command
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)
@click.version_option(__version__, message="memstat %(version)s")
def root() -> None:
    """Show how much memory a program and everything it starts really use, and when it was most."""


def run_command_line(arguments: list[str]) -> int:
    """Run a command line and return the exit status. Errors become a line on stderr."""
    err = standard_error()
    command = arguments[0] if arguments and arguments[0] in _HOMES else None
    try:
        require_linux_kernel()
        status = root.main(arguments, prog_name="memstat", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        err.try_write(error.format_message())
        return status_of(error, command)
    except click.UsageError as error:
        where = f"memstat {command}" if command else "memstat"
        err.remark(f"{error.format_message()} (see {where} --help)", of=where)
        return status_of(error, command)
    except click.Abort as error:
        return status_of(error, command)
    except Exception as error:
        # OSError: help and version, which click writes, to a full disk.
        for cause in causes(error):
            if (reason := reason_of(cause)) is not None:
                err.remark(reason)
                return status_of(cause, command)
        raise
    return status if isinstance(status, int) else ExitStatus.OK


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from; of a group, of tasks that failed, the first.

    >>> list(causes(ExceptionGroup("", [OSError(1, "one"), OSError(2, "two")])))
    [PermissionError(1, 'one')]
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        else:
            yield cause
            cause = cause.__cause__


def reason_of(error: BaseException) -> str | None:
    """Return an error in one line; ``None`` for one of the program itself, which needs a traceback.

    >>> reason_of(MemoryError())
    'out of memory; raise the limit (ulimit -v, the memory limit of the container)'
    """
    match error:
        case MemstatError() | OSError():
            return str(error)
        case MemoryError() | ImportError() | SystemError() if _is_memory_shortage(error):
            return "out of memory; raise the limit (ulimit -v, the memory limit of the container)"
        case ImportError() if "cannot open shared object file" in str(error):
            return str(error)
        case RuntimeError() if "start new thread" in str(error):
            return (
                "no thread can be started: a limit on processes is reached; raise it (ulimit -u,"
                " the pids limit of the container)"
            )
        case _:
            return None


def _is_memory_shortage(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    # Of ld.so, for a library that a module of Python needs; and of Python 3.12 and later.
    shortages = ("failed to map segment", "without exception set", "without setting an exception")
    return any(text in str(error) for text in shortages)


def status_of(error: BaseException, command: str | None) -> int:
    """Return the exit status for an error; ``run`` leaves the low ones to its command."""
    match error:
        case SpawnError():
            return error.exit_status
        case click.Abort():
            return ExitStatus.INTERRUPTED
        case _ if command == "run":
            return ExitStatus.OWN_FAILURE
        case click.UsageError():
            return ExitStatus.USAGE
        case _ if command == "compare":
            return ExitStatus.USAGE  # 1 means a regression.
        case _:
            return ExitStatus.FAILURE
