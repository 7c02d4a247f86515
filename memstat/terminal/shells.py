"""Commands that are interactive shells: a job of theirs needs the terminal itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_SHELLS: Final = frozenset(["bash", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "zsh"])
_WITH_VALUE: Final = frozenset({"--rcfile", "--init-file", "-o", "+o", "-O", "+O"})


def is_interactive_shell(command: Sequence[str]) -> bool:
    """Whether a command is a shell that reads from its terminal and controls jobs there.

    It does so by standard error, which a pseudo-terminal that is not its controlling one cannot
    stand for.

    >>> is_interactive_shell(["bash"]), is_interactive_shell(["sh", "-c", "make"])
    (True, False)
    """
    program, *arguments = command
    if program.rpartition("/")[2] not in _SHELLS:
        return False
    rest = iter(arguments)
    for argument in rest:
        is_short = argument[:1] in ("-", "+") and argument[:2] != "--"
        if is_short and "i" in argument:
            return True
        if argument in _WITH_VALUE:
            next(rest, None)
        elif argument[:1] not in ("-", "+") or (is_short and "c" in argument):
            return False
    return True
