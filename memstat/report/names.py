"""What a row calls a process: its name and its command line, each of an exact width. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from memstat.report.page import fitted
from memstat.text import printable

_LEAST_ARGUMENTS_WIDTH: Final = 8
_KEPT: Final = 512
"""Of how many rows the text is kept: frame after frame it is most often the same."""


@lru_cache(_KEPT)
def name_of(
    name: str, command_line: str, width: int, *, has_arguments: bool, ascii_only: bool = False
) -> str:
    """Return the name of a process, whole where the kernel has cut that of its program.

    With ``has_arguments``, these follow, unless next to nothing would be seen of them. Servers
    write there what each of their processes does, after their name and a colon. Where there is too
    little room, that takes the place of the name: nothing else tells these processes apart.

    >>> name_of("make", "/usr/bin/make -j4 all", 14, has_arguments=True)
    'make -j4 all  '
    >>> [name_of("nginx", "nginx: worker process", at, has_arguments=True) for at in (21, 14)]
    ['nginx: worker process', 'worker process']
    """
    program, arguments = _parts(command_line)
    title = program[:-1] if _is_title(program, name) else ""
    whole = title or program
    shown = _printable(whole if name and whole.startswith(name) else name, width)
    if has_arguments and arguments and (title or program.startswith(name)):
        before = _printable(program, width) if title else shown
        arguments = _printable(arguments.rstrip(), width)
        room = width - len(before) - 1
        if room >= min(len(arguments), _LEAST_ARGUMENTS_WIDTH):
            shown = f"{before} {arguments}"
        elif title:
            shown = arguments
    return fitted(shown, width, ascii_only=ascii_only)


@lru_cache(_KEPT)
def command_of(command_line: str, width: int, *, ascii_only: bool = False) -> str:
    """Return a command line without the folder of its program.

    >>> command_of("/usr/bin/make -j4 all", 10)
    'make -j4 …'
    """
    program, arguments = _parts(command_line)
    text = f"{program} {arguments}" if arguments else program
    return fitted(_printable(text, width), width, ascii_only=ascii_only)


def _is_title(program: str, name: str) -> bool:
    """Whether it is the name of the process and a colon. Either name may be the longer one.

    The kernel cuts names (``comm``), and a program may have a version in its own: ``php-fpm8.2``.
    """
    title = program[:-1]
    return (
        program.endswith(":")
        and bool(title and name)
        and (title.startswith(name) or name.startswith(title))
    )


def _printable(text: str, width: int) -> str:
    # One character more, so that it shows that text was cut.
    return printable(text[: width + 1])


def _parts(command_line: str) -> tuple[str, str]:
    """Return the program of a command line, without its folder, and the arguments."""
    program, _, arguments = command_line.partition(" ")
    return program.rpartition("/")[2], arguments
