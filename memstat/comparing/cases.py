"""Which commands a benchmark runs, and in which order. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

SEPARATOR: Final = "---"
"""What stands between two commands whose arguments follow ``--``."""
_OF_SHELL: Final = re.compile(r"[|&;<>()$`*?\[#~=%{}!\n]")
"""What a shell may give a meaning to; quotes and backslashes are understood without one."""


class Case(NamedTuple):
    """One of the commands."""

    command: tuple[str, ...]
    """The command and its arguments."""
    text: str
    """The same as one line."""
    name: str
    """What it is called in reports and files."""


class Step(NamedTuple):
    """One run to be made."""

    case: int
    """Which of the commands."""
    number: int
    """Which of its runs, from 1; of the warm-ups too."""
    is_warmup: bool
    """Whether it is not counted."""


def of_strings(strings: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """Return the commands that are given as a string each, and these. Raises ValueError.

    A shell is started only for what it alone understands.

    >>> of_strings(["sort -r 'a file'", "sort < file"])[0][0]
    ('sort', '-r', 'a file')
    >>> of_strings(["sort < file"])[0][0]
    ('/bin/sh', '-c', 'sort < file')
    """
    return [(_split(text), text) for text in strings]


def _split(text: str) -> tuple[str, ...]:
    if not text.strip():
        raise ValueError("a command is empty")
    if _OF_SHELL.search(text):
        return ("/bin/sh", "-c", text)
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{text!r}: {str(error).lower()}") from None


def of_arguments(arguments: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """Return the commands that stand after each other, with ``---`` between. Raises ValueError.

    >>> [text for _, text in of_arguments(["sort", "a b", "---", "sort", "-r", "a b"])]
    ["sort 'a b'", "sort -r 'a b'"]
    """
    commands: list[list[str]] = [[]]
    for argument in arguments:
        if argument == SEPARATOR:
            commands.append([])
        else:
            commands[-1].append(argument)
    if not all(commands):
        raise ValueError("a command is empty")
    return [(tuple(command), shlex.join(command)) for command in commands]


def named(
    commands: Sequence[tuple[tuple[str, ...], str]], names: Sequence[str]
) -> tuple[Case, ...]:
    """Return the commands with their names, in order, or else their own text. Raises ValueError.

    >>> named(of_strings(["true", "false"]), ["good"])[1].name
    'false'
    """
    if len(names) > len(commands):
        raise ValueError("there are more names than commands")
    cases = tuple(
        Case(command, text, names[place] if place < len(names) else text)
        for place, (command, text) in enumerate(commands)
    )
    if len({case.name for case in cases}) < len(cases):
        raise ValueError("two commands have the same name: give each its own by --name")
    return cases


def schedule(cases: int, warmups: int, runs: int) -> Iterator[Step]:
    """Yield the runs: warm-ups first, then each command once in every round.

    So what changes on the machine meanwhile changes all alike.

    >>> [(step.case, step.number) for step in schedule(2, 0, 2)]
    [(0, 1), (1, 1), (0, 2), (1, 2)]
    """
    for is_warmup, rounds in ((True, warmups), (False, runs)):
        for number in range(1, rounds + 1):
            yield from (Step(case, number, is_warmup) for case in range(cases))
