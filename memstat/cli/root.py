"""The ``memstat`` command and its errors: one line on standard error, and an exit status."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

import click

from memstat import __version__
from memstat.cli.output import standard_error
from memstat.errors import MemstatError
from memstat.proc.platform import require_linux_kernel
from memstat.text import printable

_FAILURE: Final = 1
_USAGE: Final = 2
_RUN_FAILURE: Final = 125
_INTERRUPTED: Final = 130

_HOMES: Final[Mapping[str, str]] = {
    "get": "memstat.cli.get",
    "run": "memstat.cli.run",
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
    """Imports a command when it is used, so that each pays for its own imports alone."""

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
    """Tell how much memory a program and everything it starts really uses, and when it was most."""


def run_command_line(arguments: list[str]) -> int:
    """Run a command line and return the exit status."""
    error_output = standard_error()
    command = arguments[0] if arguments and arguments[0] in _HOMES else None
    where = f"memstat {command}" if command else "memstat"
    failure, misuse = (_RUN_FAILURE, _RUN_FAILURE) if command == "run" else (_FAILURE, _USAGE)
    try:
        require_linux_kernel()
        status = root.main(arguments, prog_name="memstat", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error_output.try_write(error.format_message())
        return misuse
    except click.UsageError as error:
        message = printable(error.format_message())
        error_output.try_write(f"{where}: {message} (see {where} --help)")
        return misuse
    except click.Abort:
        return _INTERRUPTED
    except MemstatError as error:
        error_output.try_write(f"memstat: {printable(str(error))}")
        return failure
    except OSError as error:
        # Help and version, which click writes, to a full disk.
        error_output.try_write(f"memstat: {printable(str(error))}")
        return failure
    return status if isinstance(status, int) else 0
