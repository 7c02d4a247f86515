"""What a terminal can do, by the name in TERM."""

from __future__ import annotations

from functools import cache
from typing import Final

_DUMB: Final = ("", "dumb", "unknown")
"""As rich sees it: ``Console.is_dumb_terminal``."""
_FAMILIES: Final = (
    *("alacritty", "ansi", "cygwin", "foot", "gnome", "kitty", "konsole", "linux", "putty"),
    *("rxvt", "screen", "st-", "tmux", "vt1", "vt2", "vt3", "vt4", "vt5", "wezterm", "xterm"),
)
"""Beginnings of names that need no look-up: their entries may be missing where memstat runs."""


@cache
def can_move_cursor(term: str) -> bool:
    """Whether a terminal of this name moves its cursor up; False for one that is not known.

    >>> can_move_cursor("xterm-256color"), can_move_cursor("unknown")
    (True, False)
    """
    if term.lower() in _DUMB:
        return False
    # Not the vt52, which has sequences of its own, but the vt520 and the vt525.
    return (term.startswith(_FAMILIES) and term != "vt52") or _is_known_to(term)


def _is_known_to(term: str) -> bool:
    """Whether the terminal database has it, and it moves up as ECMA-48 says: terminfo(5)."""
    try:
        import curses  # noqa: PLC0415 - for rare terminals alone
    except ImportError:
        return False
    try:
        curses.setupterm(term, 2)
        return (curses.tigetstr("cuu1") or b"").startswith(b"\x1b[")
    except (OSError, curses.error):
        return False
