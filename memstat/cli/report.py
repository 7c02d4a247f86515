"""``memstat report``."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Final

import click

from memstat.cli.exit_status import ExitStatus
from memstat.cli.output import Output, standard_output
from memstat.recording.loading import load
from memstat.report.recorded import recorded_text
from memstat.text import printable

_WIDTH: Final = 80
"""Of a report that goes to no terminal."""
_EPILOG: Final = """\b
Examples:
  memstat report mem.jsonl.gz         the peak, the course, and what it consisted of
  memstat report mem-*.jsonl.gz       several, one after the other
"""


@click.command("report", short_help="Show a recording.", epilog=_EPILOG)
@click.argument("paths", metavar="FILE...", type=click.Path(), nargs=-1, required=True)
def command(*, paths: Sequence[str]) -> int:
    """Show recordings of --record; - reads one from stdin.

    Exit status: 0; 1 when a FILE cannot be read; 2 for wrong usage.
    """
    # Like any filter, memstat ends when the reader of its output does.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    print_reports(paths, standard_output())
    return ExitStatus.OK


def print_reports(paths: Sequence[str], out: Output) -> None:
    """Print one report after the other. Raises OutputError, and RecordingError."""
    for number, path in enumerate(paths):
        if len(paths) > 1:
            blank = "\n" if number else ""
            out.write(f"{blank}==> {printable(path)} <==")
        text = recorded_text(load(path), out.width or _WIDTH, ascii_only=out.ascii_only)
        out.write(text)
