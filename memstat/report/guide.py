"""A page of the guide for a terminal: Markdown to styled text."""

from __future__ import annotations

from io import StringIO
from typing import Final

from rich.console import Console
from rich.markdown import Markdown
from rich.theme import Theme

_WIDEST: Final = 100
"""Longer lines are hard to read."""

_STYLES: Final = Theme(
    {
        # Without the background of rich's own style: it is a black box on a light terminal.
        "markdown.code": "bold cyan",
        "markdown.h1": "bold",
        "markdown.h2": "bold underline",
    }
)


def render(page: str, *, width: int) -> str:
    r"""Return a page of Markdown as lines of at most ``width`` columns, with escape codes of style.

    Colours are left out where ``NO_COLOR`` is set.

    >>> "Sizes are bytes." in render("# JSON\n\nSizes are bytes.", width=40)
    True
    """
    text = StringIO()
    console = Console(
        file=text,
        width=min(width, _WIDEST),
        theme=_STYLES,
        color_system="standard",
        force_terminal=True,
        legacy_windows=False,
    )
    console.print(Markdown(page, code_theme="ansi_dark", hyperlinks=False))
    return text.getvalue().rstrip("\n")
