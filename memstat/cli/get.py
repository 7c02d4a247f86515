"""``memstat get``."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence
from typing import Final

import click

from memstat.cli import options
from memstat.cli.output import Output, standard_error, standard_output
from memstat.errors import ProcessError
from memstat.model import Identity, ProcessKey, Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.report import notes, plain
from memstat.sampling.sweep import Sweeper, sweep_once

_EPILOG: Final = """\b
Examples:
  memstat get -r 1234            a process and all its descendants
  memstat get -rvw 1234          the same live, until it ends
  memstat get -r --json 1234     the same for a program
"""


@click.command("get", short_help="Measure running processes.", epilog=_EPILOG)
@click.argument("pids", metavar="PID...", type=options.Pid(), nargs=-1, required=True)
@options.recursive
@options.verbose
@click.option(
    "-w", "--watch", is_flag=True, help="Repeat until the target is gone or Ctrl+C; then the peak."
)
@options.frequency
@options.interval
@options.in_bytes
@options.as_json
@options.no_live
def command(
    pids: Sequence[int],
    *,
    recursive: bool,
    verbose: bool,
    watch: bool,
    frequency_hz: float | None,
    interval_s: float | None,
    in_bytes: bool,
    as_json: bool,
    no_live: bool,
) -> int:
    """Measure running processes; trees that overlap are counted once.

    Exit status: 0; 1 when a target does not exist or cannot be read; 2 for wrong usage; 130 after
    Ctrl+C.
    """
    # Like any filter: when the reader of our output leaves, so do we.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    chosen_s = options.choose_interval_s(frequency_hz, interval_s)
    out, err = standard_output(), standard_error()
    source = LinuxProcSource()
    targets, missing = _find_targets(source, pids)
    for error in missing:
        err.try_write(f"memstat: {error}")
    if not targets:
        return 1
    keys = [ProcessKey(target.pid, target.start_ticks) for target in targets]
    if not recursive and err.is_terminal:
        _tell_uncounted(source, keys, err)
    first = sweep_once(source, keys, recursive=recursive, excluded={os.getpid()})
    unreadable = [*notes.unreadable_targets(first, targets)]
    for reason in unreadable:
        err.try_write(f"memstat: {reason}")
    failed = bool(missing or unreadable)
    if watch and first.total.pss_bytes is not None:
        from memstat.cli.watch_session import LineReport, WatchReport, watch_and_report  # noqa: PLC0415

        report: WatchReport
        terminal = out.live_terminal
        if terminal is None or no_live or in_bytes or as_json:
            report = LineReport(out, err, verbose=verbose, in_bytes=in_bytes, as_json=as_json)
        else:
            from memstat.cli.live_watch import LiveWatchReport  # noqa: PLC0415 - rich

            report = LiveWatchReport(terminal, out, err, verbose=verbose)
        return watch_and_report(keys, report, recursive=recursive, interval_s=chosen_s) or failed
    if as_json:
        from memstat.report import jsonlines  # noqa: PLC0415 - json

        out.write(jsonlines.line(jsonlines.snapshot_object(first)))
    elif verbose or first.total.pss_bytes is not None:
        out.write(plain.block(first, verbose=verbose, in_bytes=in_bytes))
    _tell_partial(first, err)
    return int(failed)


def _find_targets(
    source: LinuxProcSource, pids: Iterable[int]
) -> tuple[list[Identity], list[ProcessError]]:
    targets, missing = [], []
    for pid in dict.fromkeys(pids):
        try:
            targets.append(source.require(pid))
        except ProcessError as error:
            missing.append(error)
    return targets, missing


def _tell_uncounted(source: LinuxProcSource, keys: Sequence[ProcessKey], err: Output) -> None:
    everyone = Sweeper(source, keys, recursive=True, excluded={os.getpid()}).find()
    note = notes.uncounted_note(len(everyone) - len(keys))
    if note:
        err.try_write(f"memstat: {note}")


def _tell_partial(snapshot: Snapshot, err: Output) -> None:
    if snapshot.total.pss_bytes is None:
        return
    for note in (notes.denied_note(snapshot), notes.ended_note(snapshot)):
        if note:
            err.try_write(f"memstat: {note}")
