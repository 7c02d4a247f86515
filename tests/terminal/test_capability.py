"""Which terminals can have a table."""

from __future__ import annotations

import pytest

from memstat.terminal.capability import can_move_cursor
from memstat.terminal.shells import is_interactive_shell


@pytest.mark.parametrize(
    "term", ["xterm", "xterm-kitty", "tmux-256color", "linux", "vt220", "vt520"]
)
def test_terminals_that_move_their_cursor(term: str) -> None:
    assert can_move_cursor(term)


@pytest.mark.parametrize("term", ["", "dumb", "unknown", "UNKNOWN", "no-such-terminal", "vt52"])
def test_terminals_that_are_not_known_to(term: str) -> None:
    assert not can_move_cursor(term)


@pytest.mark.parametrize(
    ("command", "interactive"),
    [
        ("bash", True),
        ("/bin/bash --norc -i", True),
        ("bash --rcfile file", True),
        ("zsh -l", True),
        ("sh -ic ls", True),
        ("sh -c ls", False),
        ("bash -euc ls", False),
        ("bash script.sh", False),
        ("bash -x script.sh", False),
        ("python3 -i", False),
        ("env bash", True),
        ("/usr/bin/env -i -u A B=1 nice -n 5 bash -l", True),
        ("nice -5 ionice -c 3 sh", True),
        ("env A=1 bash script.sh", False),
        ("env", False),
        ("nice -n 5", False),
        ("env A=1", False),
    ],
)
def test_shells_that_read_from_their_terminal(command: str, interactive: bool) -> None:  # noqa: FBT001
    assert is_interactive_shell(command.split()) == interactive
