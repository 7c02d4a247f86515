"""``memstat export``."""

from __future__ import annotations

import gzip
import os
from contextlib import ExitStack
from typing import IO, Final, cast

import click

from memstat.cli.exit_status import ExitStatus
from memstat.cli.new_file import cannot_write, new_file
from memstat.cli.output import end_with_reader, standard_error, standard_output
from memstat.errors import OutputError
from memstat.exports import formats
from memstat.exports.formats import Format
from memstat.proc.streams import is_stdout
from memstat.recording.loading import Recording, load

_EPILOG: Final = """\b
Examples:
  memstat export mem.jsonl.gz -o mem.csv          a row per process and snapshot
  memstat export mem.jsonl.gz -o mem.trace.json   for ui.perfetto.dev
  memstat export mem.jsonl.gz -o mem.db           SQLite
  memstat export mem.jsonl.gz -o - --format folded | flamegraph.pl > mem.svg
"""


@click.command("export", short_help="Write a recording for other programs.", epilog=_EPILOG)
@click.argument("path", metavar="FILE", type=click.Path())
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    type=click.Path(),
    required=True,
    help="The file to write; the end of its name is the format: .csv, .trace.json (Perfetto), .om"
    " (OpenMetrics), .db (SQLite) or .folded (flame graphs). But for .db, .gz may follow. - is"
    " stdout.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(formats.NAMES),
    help="The format, where the name of the file does not say it.",
)
def command(*, path: str, output: str, format_name: str | None) -> int:
    """Write a recording in a format of other programs; - reads it from stdin.

    A file is written beside PATH and takes its place once it is complete.

    Exit status: 0; 1 when FILE cannot be read or PATH cannot be written; 2 for wrong usage.
    """
    form = _choose_format(output, format_name)
    recording = load(path)
    if form.name == formats.FOLDED and recording.peak is None:
        raise OutputError(
            f"nothing to export: {path} has no snapshot in which a process was measured"
        )
    if is_stdout(output):
        _print(recording, form)
    else:
        _write(recording, form, output)
    err = standard_error()
    for remark in recording.remarks:
        err.remark(remark)
    return ExitStatus.OK


def _choose_format(output: str, name: str | None) -> Format:
    """Return the format that was asked for. Raises UsageError."""
    form = formats.format_of(output, name)
    if form is None and is_stdout(output):
        raise click.UsageError(f"-o {output} needs --format: one of {', '.join(formats.NAMES)}")
    if form is None:
        raise click.UsageError(
            f"the name {output!r} does not say the format: let it end with one of"
            f" {formats.ENDINGS}, or add --format"
        )
    if form.name == formats.SQLITE and (form.is_compressed or is_stdout(output)):
        raise click.UsageError("a database of SQLite is written to a file of its own, as it is")
    return form


def _print(recording: Recording, form: Format) -> None:
    end_with_reader()
    out = standard_output()
    for text in formats.TEXTS[form.name](recording):
        out.write(text, end="")


def _write(recording: Recording, form: Format, path: str) -> None:
    """Write a file. Raises OutputError, and RecordingError as reading does."""
    with new_file(path) as new_path:
        if form.name == formats.SQLITE:
            _write_database(recording, new_path, path)
        else:
            _write_text(recording, form, new_path)


def _write_text(recording: Recording, form: Format, path: str) -> None:
    with ExitStack() as files:
        file: IO[bytes] = files.enter_context(open(path, "wb"))
        if form.is_compressed:
            packed = gzip.GzipFile("", "wb", fileobj=file, compresslevel=6, mtime=0)
            file = cast("IO[bytes]", files.enter_context(packed))
        for text in formats.TEXTS[form.name](recording):
            file.write(text.encode())


def _write_database(recording: Recording, new_path: str, path: str) -> None:
    import sqlite3  # noqa: PLC0415 - only for this format

    from memstat.exports.database import write_database  # noqa: PLC0415 - likewise

    if not os.path.isfile(new_path):
        raise OutputError(f"cannot write to {path}: a database of SQLite needs a file")
    try:
        write_database(recording, new_path)
    except sqlite3.Error as error:
        raise cannot_write(path, error) from error
