"""``memstat completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from memstat.cli.output import end_with_reader, standard_output

_EPILOG: Final = """\b
In ~/.bashrc:          eval "$(memstat completion bash)"
In ~/.zshrc:           eval "$(memstat completion zsh)"
In config.fish:        memstat completion fish | source
"""


@click.command("completion", short_help="Print the completion script of a shell.", epilog=_EPILOG)
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes memstat's commands and options in a shell."""
    completion = get_completion_class(shell)
    assert completion is not None
    end_with_reader()
    root = ctx.find_root().command
    script = completion(root, {}, "memstat", "_MEMSTAT_COMPLETE").source()
    standard_output().write(script.rstrip("\n"))
