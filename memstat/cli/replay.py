"""``memstat replay``."""

from __future__ import annotations

import time
from typing import Final, TextIO

import click

from memstat.cli import options
from memstat.cli.exit_status import ExitStatus, stopped_by
from memstat.cli.interrupt import restore_default_sigint
from memstat.cli.output import Output, end_with_reader, standard_error, standard_output
from memstat.recording.loading import Recording, load
from memstat.report.formats import Plain
from memstat.report.playback import Playback
from memstat.report.view_options import ViewOptions

_SLOWEST: Final = 0.01
_FASTEST: Final = 1000.0
_EPILOG: Final = """\b
Examples:
  memstat replay mem.jsonl.gz                 as it was
  memstat replay --speed 10 mem.jsonl.gz      ten times as fast
  memstat replay mem.jsonl.gz | head -n 5     a line for each snapshot
"""


@click.command("replay", short_help="Show a recording as it went.", epilog=_EPILOG)
@click.argument("path", metavar="FILE", type=click.Path())
@click.option(
    "--speed",
    metavar="X",
    type=options.PositiveNumber("times", least=_SLOWEST, most=_FASTEST),
    default=1.0,
    show_default=True,
    help="How many times as fast as it was.",
)
@options.verbose
@options.no_live
@options.sort
@options.name_filter
def command(
    *, path: str, speed: float, verbose: bool, no_live: bool, order: str, filter_text: str
) -> int:
    """Show a recording as get -w showed it: a live table on a terminal, else plain lines.

    Beside its keys, the arrows to the left and to the right go back and on, + and - change the
    speed, and p pauses.

    Exit status: 0; 1 when FILE cannot be read; 2 for wrong usage; 130 after Ctrl+C.
    """
    end_with_reader()
    out, err = standard_output(), standard_error()
    recording = load(path)
    terminal = None if no_live else out.live_terminal
    if terminal is None:
        _print(recording, Plain(verbose=verbose), speed, out)
        status: int = ExitStatus.OK
    else:
        view = options.choose_view(order, filter_text)
        status = _show(recording, Playback(speed), view, terminal, out)
    for remark in recording.remarks:
        err.remark(remark)
    return status


def _print(recording: Recording, form: Plain, speed: float, out: Output) -> None:
    """Print snapshots when they are due, then the peak."""
    began_s = time.monotonic()
    for snapshot in recording:
        due_s = began_s + snapshot.elapsed_s / speed
        time.sleep(max(0.0, due_s - time.monotonic()))
        out.write(form.snapshot(snapshot))
    if text := form.watch_summary(recording.peak, recording.stats, 0.0):
        out.write(text)


def _show(
    recording: Recording,
    playback: Playback,
    view: ViewOptions,
    terminal: TextIO,
    out: Output,
) -> int:
    """Show a live table and, at the end, the summary; return the exit status."""
    from memstat.cli import event_loop  # noqa: PLC0415 - anyio, for a terminal alone
    from memstat.cli.live_report import keyboard_beside  # noqa: PLC0415 - likewise
    from memstat.report.summary import watch_summary_lines  # noqa: PLC0415 - likewise
    from memstat.terminal.display import LiveDisplay  # noqa: PLC0415 - likewise
    from memstat.terminal.replay import show_replay  # noqa: PLC0415 - likewise

    keyboard = keyboard_beside(terminal)
    display = LiveDisplay(terminal, options=view._replace(has_keys=keyboard is not None))
    replayed, signum = event_loop.run(show_replay, recording, playback, display, keyboard)
    restore_default_sigint()
    out.write("\n".join(watch_summary_lines(replayed.peak, replayed.stats, out.width)))
    return ExitStatus.OK if signum is None else stopped_by(signum)
