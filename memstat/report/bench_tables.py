"""Measurements as tables for other programs. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from memstat.comparing.figures import median, spread
from memstat.comparing.measurements import Measurements, Metric
from memstat.text import printable
from memstat.units import format_duration, format_size

_OF_RUN: Final = (
    *("duration_s", "user_s", "system_s", "exit_status", "samples", "interval_s"),
    *("pss_bytes", "pss_low_bytes", "pss_high_bytes", "uss_bytes", "rss_bytes", "swap_bytes"),
)


def csv_rows(measured: Sequence[Measurements]) -> str:
    r"""Return a row for each run, under the names of its columns; what is unknown is empty.

    >>> from memstat.comparing.measurements import Run
    >>> csv_rows([Measurements("sort", (Run(pss_bytes=4096),))]).splitlines()[1]
    'sort,,1,,,,,,,4096,,,,,'
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "command", "run", *_OF_RUN])
    for one in measured:
        for number, run in enumerate(one.runs, 1):
            sizes = [getattr(run, field) for field in _OF_RUN]
            writer.writerow([one.name, one.command, number, *sizes])
    return text.getvalue()


def markdown(measured: Sequence[Measurements]) -> str:
    """Return a table with a row for each command."""
    rows = [
        "| command | median peak PSS | largest | spread | runs | time |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(_row(one) for one in measured),
    ]
    return "\n".join(rows) + "\n"


def _row(one: Measurements) -> str:
    sizes = one.sizes_bytes(Metric.PSS)
    times = [round(run.duration_s * 1e9) for run in one.runs if run.duration_s is not None]
    cells = (
        cell(one.name),
        format_size(median(sizes)) if sizes else "?",
        format_size(max(sizes)) if sizes else "?",
        f"{100 * spread(sizes):.1f} %" if sizes else "?",
        str(len(one.runs)),
        format_duration(median(times) / 1e9) if times else "?",
    )
    return f"| {' | '.join(cells)} |"


def cell(text: str) -> str:
    r"""Return any text as a cell of a table of Markdown, shown as it is.

    >>> print(cell("a | b\n<img> `x`"))
    <code>a &#124; b&#92;n&lt;img&gt; &#96;x&#96;</code>
    """
    shown = printable(text)
    escapes = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;"}
    escapes |= {mark: f"&#{ord(mark)};" for mark in "*_[]\\~@#"}
    return f"<code>{''.join(escapes.get(character, character) for character in shown)}</code>"
