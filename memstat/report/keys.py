"""The keys of a live view: from bytes to keys, and from a key to what it changes. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from memstat.report.view_options import ORDERS, ViewOptions

_LONGEST_FILTER: Final = 40


class Action(StrEnum):
    """What a key asks for that no view can do."""

    QUIT = "quit"
    RESET_PEAK = "reset the peak"
    MARK = "set a mark"


class Scroll(NamedTuple):
    """Where a list stands: what a key that scrolls has to know."""

    first: int = 0
    """The first row that is shown."""
    page: int = 0
    """How many are shown at once."""
    rows: int = 0
    """How many there are."""

    @property
    def last_first(self) -> int:
        """Where the last page begins."""
        return max(0, self.rows - self.page)


def pressed(options: ViewOptions, key: str, scroll: Scroll) -> ViewOptions | Action:
    """Return what a key makes of a view; unknown keys change nothing.

    ``scroll`` is that of the last page that was drawn.

    >>> pressed(ViewOptions(), "f", Scroll()).is_folded
    True
    >>> pressed(ViewOptions(), "q", Scroll())
    <Action.QUIT: 'quit'>
    """
    if options.is_filter_edited:
        return _edited(options, key)
    if options.shows_help:
        # Any key ends the help.
        return Action.QUIT if key == "q" else options._replace(shows_help=False)
    if key in _ACTIONS:
        return _ACTIONS[key]
    if key in _SCROLLS:
        return _scrolled(options, key, scroll)
    change = _CHANGES.get(key)
    return change(options) if change else options


def _next_order(options: ViewOptions) -> ViewOptions:
    at = (ORDERS.index(options.order) + 1) % len(ORDERS)
    return options.sorted_by(ORDERS[at])


def _toggle_pause(options: ViewOptions) -> ViewOptions:
    return options._replace(is_paused=not options.is_paused)


_ACTIONS: Final[Mapping[str, Action]] = {
    "q": Action.QUIT,
    "r": Action.RESET_PEAK,
    "m": Action.MARK,
}
_CHANGES: Final[Mapping[str, Callable[[ViewOptions], ViewOptions]]] = {
    "s": _next_order,
    "t": lambda options: options._replace(is_flat=not options.is_flat, first=None),
    "f": lambda options: options._replace(is_folded=not options.is_folded, first=None),
    "/": lambda options: options._replace(is_filter_edited=True, first=None),
    "c": lambda options: options._replace(has_command_lines=not options.has_command_lines),
    "p": _toggle_pause,
    " ": _toggle_pause,
    "?": lambda options: options._replace(shows_help=True),
    "home": lambda options: options._replace(first=None),
    "escape": lambda options: options._replace(first=None, filter_text=""),
}
_SCROLLS: Final = frozenset({"up", "down", "page-up", "page-down", "end"})


def _scrolled(options: ViewOptions, key: str, scroll: Scroll) -> ViewOptions:
    at = options.first or 0
    page = max(1, scroll.page - 1)
    to = {
        "up": at - 1,
        "down": at + 1,
        "page-up": at - page,
        "page-down": at + page,
        "end": scroll.last_first,
    }[key]
    # Above the first row is the overview, where it began.
    return options._replace(first=min(to, scroll.last_first) if to > 0 else None)


def _edited(options: ViewOptions, key: str) -> ViewOptions:
    """Return the view with a key typed into its filter."""
    if key == "enter":
        return options._replace(is_filter_edited=False)
    if key == "escape":
        return options._replace(is_filter_edited=False, filter_text="")
    if key == "backspace":
        return options._replace(filter_text=options.filter_text[:-1])
    if key == "clear":
        return options._replace(filter_text="")
    if len(key) > 1 or not key.isprintable():
        return options
    return options._replace(filter_text=(options.filter_text + key)[:_LONGEST_FILTER])


_NAMED: Final[Mapping[bytes, str]] = {
    b"\r": "enter",
    b"\n": "enter",
    b"\x1b": "escape",
    b"\x15": "clear",
    b"\x7f": "backspace",
    b"\x08": "backspace",
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[C": "right",
    b"\x1b[D": "left",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1bOC": "right",
    b"\x1bOD": "left",
    b"\x1b[5~": "page-up",
    b"\x1b[6~": "page-down",
    b"\x1b[H": "home",
    b"\x1bOH": "home",
    b"\x1b[1~": "home",
    b"\x1b[7~": "home",
    b"\x1b[F": "end",
    b"\x1bOF": "end",
    b"\x1b[4~": "end",
    b"\x1b[8~": "end",
}
_KEY: Final = re.compile(
    rb"""\x1b\[[0-?]*[ -/]*[@-~]      # a control sequence: ECMA-48, 5.4
    | \x1bO[ -~] | \x1b[ -NP-Z\\-~]   # a function key, or a key with Alt
    | [\x00-\x1a\x1c-\x7f]
    | [\xc2-\xdf][\x80-\xbf] | [\xe0-\xef][\x80-\xbf]{2} | [\xf0-\xf4][\x80-\xbf]{3}""",
    re.VERBOSE,
)
_BEGUN: Final = re.compile(rb"\x1b(\[[0-?]*[ -/]*|O)?|[\xc2-\xf4][\x80-\xbf]{0,2}")
_LONGEST_SEQUENCE: Final = 32


def keys_of(data: bytes, *, is_all: bool = False) -> tuple[list[str], bytes]:
    r"""Return the keys that a terminal has sent, and the beginning of one that is not complete.

    Characters stand for themselves, others have names (``up``, ``enter``, ``escape``), and keys
    that are not known are left out. Whether a lone escape character is the key or the beginning of
    another shows only in time: pass what was returned with ``is_all`` when nothing has followed.

    >>> keys_of(b"q\x1b[A\x1b")
    (['q', 'up'], b'\x1b')
    >>> keys_of(b"\x1b", is_all=True)
    (['escape'], b'')
    """
    keys: list[str] = []
    at = 0
    while at < len(data):
        match = _KEY.match(data, at)
        if match is None:
            begun = _BEGUN.fullmatch(data, at)
            if begun and not is_all and len(data) - at < _LONGEST_SEQUENCE:
                return keys, data[at:]
            keys += _named(data[at : at + 1])
            at += 1
            continue
        keys += _named(match[0])
        at = match.end()
    return keys, b""


def _named(raw: bytes) -> list[str]:
    if raw in _NAMED:
        return [_NAMED[raw]]
    text = raw.decode("utf-8", "ignore")
    return [text] if len(text) == 1 and text.isprintable() else []


HELP: Final = (
    ("q", "quit"),
    ("s", "sort"),
    ("t", "tree or list"),
    ("f", "fold programs"),
    ("/", "filter"),
    ("c", "command lines"),
    ("p", "pause"),
    ("r", "reset peak"),
    ("m", "set a mark"),
    ("up dn", "scroll"),
    ("home", "largest again"),
    ("?", "these keys"),
)
"""All keys and what they do: 20 columns are enough for each."""

REPLAY_HELP: Final = (
    ("left", "5 s back"),
    ("right", "5 s on"),
    ("+ -", "speed"),
)
"""Those that only a replay has."""
