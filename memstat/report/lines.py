"""Text in lines that a terminal has room for. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def in_lines(facts: Sequence[str], between: str, width: int | None) -> list[str]:
    """Return facts in as many lines as they need; one that is wider than a line stays whole.

    >>> in_lines(["20 samples", "3 ticks missed", "2 walks"], ", ", 30)
    ['20 samples, 3 ticks missed,', '  2 walks']
    """
    whole = between.join(facts)
    if width is None or (len(whole) < width and whole.isascii()):
        return [whole]
    from rich.cells import cell_len  # noqa: PLC0415 - only for what may not fit

    lines = [facts[0]]
    for fact in facts[1:]:
        longer = f"{lines[-1]}{between}{fact}"
        # A comma may follow.
        if cell_len(longer) < width:
            lines[-1] = longer
        else:
            lines[-1] += between.rstrip()
            lines.append(f"  {fact}")
    return lines


def filled(text: str, width: int | None) -> list[str]:
    """Return a text in as many lines as it needs, each ended between words."""
    return in_lines(text.split(" "), " ", width)
