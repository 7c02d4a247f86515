"""``memstat report``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from memstat import __version__
from memstat.cli.exit_status import ExitStatus
from memstat.cli.output import Output, end_with_reader, standard_error, standard_output
from memstat.recording.loading import load
from memstat.text import printable

if TYPE_CHECKING:  # Of pages and pictures alone.
    from memstat.charts.chart import Chart, Overlay

_WIDTH: Final = 80
"""Of a report that goes to no terminal."""
_PAGE: Final = "html"
_ENDS: Final = (_PAGE, "svg", "png", "pdf")
_EPILOG: Final = """\b
Examples:
  memstat report mem.jsonl.gz                  the peak, the course, and what it consisted of
  memstat report mem.jsonl.gz -o mem.html      a page to look into
  memstat report mem-*.jsonl.gz -o job.html    the hosts of one job, stacked
  memstat report --overlay a.gz b.gz -o ab.svg    two runs of a command
"""


@click.command("report", short_help="Show a recording.", epilog=_EPILOG)
@click.argument("paths", metavar="FILE...", type=click.Path(), nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    type=click.Path(),
    help="Write a page (.html) or a picture (.svg, .png, .pdf) instead; needs memstat[report].",
)
@click.option(
    "--overlay",
    is_flag=True,
    help="With -o: draw the totals of several recordings over each other, each from its own start.",
)
@click.option("--dark", is_flag=True, help="With -o: a picture for a dark background.")
def command(*, paths: Sequence[str], output: str | None, overlay: bool, dark: bool) -> int:
    """Show recordings of --record; - reads one from stdin.

    With -o, several recordings are stacked by their clocks. Without it they are printed one after
    the other.

    Exit status: 0; 1 when a FILE cannot be read, PATH cannot be written, or memstat[report] is not
    installed; 2 for wrong usage.
    """
    if output is None:
        if overlay or dark:
            raise click.UsageError(f"{'--overlay' if overlay else '--dark'} needs -o")
        end_with_reader()
        print_reports(paths, standard_output())
    else:
        _write(paths, output, overlay=overlay, dark=dark)
    return ExitStatus.OK


def print_reports(paths: Sequence[str], out: Output) -> None:
    """Print one report after the other. Raises OutputError, and RecordingError."""
    from memstat.report.recorded import recorded_text  # noqa: PLC0415 - rich

    for number, path in enumerate(paths):
        if len(paths) > 1:
            blank = "\n" if number else ""
            out.write(f"{blank}==> {printable(path)} <==")
        text = recorded_text(load(path), out.width or _WIDTH, ascii_only=out.ascii_only)
        out.write(text)


def _write(paths: Sequence[str], output: str, *, overlay: bool, dark: bool) -> None:
    """Write a page or a picture. Raises OutputError, RecordingError and ReportError."""
    kind = os.path.splitext(output)[1].removeprefix(".").lower()
    if kind not in _ENDS:
        ends = ", ".join(f".{end}" for end in _ENDS)
        raise click.UsageError(f"the name {output!r} has to end with one of {ends}")
    if overlay and len(paths) < 2:
        raise click.UsageError("--overlay needs several recordings")
    if dark and kind == _PAGE:
        raise click.UsageError("--dark is for pictures: a page follows the browser")
    from memstat.charts.converter import converter  # noqa: PLC0415 - only for this

    converter()  # Before anything is read: what is missing is said at once.
    from memstat.charts.gathering import gather, gather_overlaid  # noqa: PLC0415 - likewise
    from memstat.cli.new_file import new_file  # noqa: PLC0415 - likewise

    with new_file(output) as path, _rendering(kind, dark=dark) as render:
        charts = gather_overlaid(paths) if overlay else gather(paths)
        content = render(charts)
        with open(path, "wb") as file:
            file.write(content)
    err = standard_error()
    for remark in charts.heading.remarks:
        err.remark(remark)


@contextmanager
def _rendering(kind: str, *, dark: bool) -> Iterator[Callable[[Chart | Overlay], bytes]]:
    """Prepare what takes long while recordings are read; then make a page or a picture."""
    if kind != _PAGE:
        from memstat.charts.picture import picture  # noqa: PLC0415 - likewise

        yield lambda charts: picture(charts, kind, dark=dark)
        return
    from memstat.charts.library import making_vega  # noqa: PLC0415 - likewise
    from memstat.charts.page import page  # noqa: PLC0415 - likewise

    with making_vega() as library:
        yield lambda charts: page(charts, footer=f"memstat {__version__}", library=library)
