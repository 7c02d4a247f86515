"""Commands that are interactive shells: a job of theirs needs the terminal itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_SHELLS: Final = frozenset(["bash", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "zsh"])
_STARTERS: Final = {
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "nice": frozenset({"-n", "--adjustment"}),
    "ionice": frozenset({"-c", "--class", "-n", "--classdata"}),
}
"""Programs that start another in their own place, and those of their options that have a value."""
_WITH_VALUE: Final = frozenset({"--rcfile", "--init-file", "-o", "+o", "-O", "+O"})


def is_interactive_shell(command: Sequence[str]) -> bool:
    """Whether a command is a shell that reads from its terminal and controls jobs there.

    It does so by standard error, which a pseudo-terminal that is not its controlling one cannot
    stand for.

    >>> is_interactive_shell(["bash"]), is_interactive_shell(["sh", "-c", "make"])
    (True, False)
    >>> is_interactive_shell(["env", "A=1", "nice", "-n", "5", "bash"])
    True
    """
    program, *arguments = _without_starters(command)
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


def _without_starters(command: Sequence[str]) -> Sequence[str]:
    """Return the command that others start in their own place; where there is none, the last."""
    with_value = _STARTERS.get(command[0].rpartition("/")[2])
    if with_value is None:
        return command
    at = 1
    while at < len(command) and (command[at][:1] == "-" or "=" in command[at]):
        at += 2 if command[at] in with_value else 1
    return _without_starters(command[at:]) if at < len(command) else command
