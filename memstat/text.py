"""Text that is safe to show: process names and arguments are chosen by others."""

from __future__ import annotations

import signal


def printable(text: str) -> str:
    r"""Return text without control characters, escape codes or marks that turn the direction.

    >>> print(printable("a\x1b[31m\nb\u202e"))
    a\x1b[31m\nb\u202e
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def decode_name(raw: bytes) -> str:
    r"""Return ``comm`` as text that any encoder takes.

    >>> decode_name(b"caf\xc3\xa9 \xff")
    'café \\xff'
    """
    return raw.decode("utf-8", "backslashreplace")


def signal_name(number: int) -> str:
    """Return the name of a signal, or its number where it has none.

    >>> signal_name(9), signal_name(35), signal_name(99)
    ('SIGKILL', 'SIGRTMIN+1', '99')
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        offset = number - signal.SIGRTMIN
        if 0 < offset < signal.SIGRTMAX - signal.SIGRTMIN:
            return f"SIGRTMIN+{offset}"
        return str(number)


def plural(count: int, one: str, many: str) -> str:
    """Return a count and its noun.

    >>> plural(1, "process", "processes"), plural(3, "process", "processes")
    ('1 process', '3 processes')
    """
    return f"{count} {one if count == 1 else many}"
