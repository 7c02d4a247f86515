#!/usr/bin/env python3
"""Draws ``dashboard.svg``, the picture of the README, from a real run of ``fork_tree.py``.

Run it from the top of the repository:  python .github/picture.py
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Final

import anyio
from rich.console import Console
from rich.terminal_theme import MONOKAI

import memstat
from memstat.report.board import Board, View
from memstat.report.table import dashboard

_WIDTH: Final = 100
_COMMAND: Final = ("python", "examples/fork_tree.py")
_TARGET: Final = Path(".github/dashboard.svg")


async def _measure() -> View:
    """Return how it was at the peak."""
    board = Board()
    async with memstat.supervise(_COMMAND, command_lines=True) as running:
        async for snapshot in running:
            board.take(snapshot)
    view = board.view_at_peak(running.tally)
    assert view is not None
    return view


def main() -> None:
    """Measure, draw, write."""
    view = anyio.run(_measure)
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(f"$ memstat run -rv -- {' '.join(_COMMAND)}", highlight=False)
    console.print(dashboard(view, width=_WIDTH, height=24))
    svg = console.export_svg(title="memstat", theme=MONOKAI, unique_id="memstat")
    # The fonts that rich would have fetched from elsewhere: every system has one of its own.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    # Some programs that draw SVG would drop the spaces that a line begins with.
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    _TARGET.write_text(svg)
    sys.stdout.write(f"{_TARGET}: {len(svg) / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
