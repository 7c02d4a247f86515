"""``memstat get``."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import replace

import click

from memstat.cli import options
from memstat.cli.exit_status import ExitStatus
from memstat.cli.output import Output, standard_error, standard_output
from memstat.errors import ProcessError
from memstat.model import Identity, Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.proc.tree import Scope
from memstat.report import notes
from memstat.report.ending import WatchStyle
from memstat.report.formats import Format
from memstat.sampling.sweep import Sweeper, sweep_once


@click.command("get", short_help="Measure running processes.")
@click.argument("pids", metavar="PID...", type=options.Pid(), nargs=-1, required=True)
@options.recursive
@options.verbose
@click.option(
    "-w",
    "--watch",
    is_flag=True,
    help="Repeat until the target has ended or Ctrl+C; then print the peak.",
)
@options.frequency
@options.interval
@options.report_format
@options.no_live
def command(
    *,
    pids: Sequence[int],
    recursive: bool,
    verbose: bool,
    watch: bool,
    frequency_hz: float | None,
    interval_s: float | None,
    format_class: type[Format],
    no_live: bool,
) -> int:
    """Measure running processes; trees that overlap are counted once.

    Exit status: 0; 1 when a target does not exist or cannot be read; 2 for wrong usage; 130 after
    Ctrl+C.
    """
    # Like any filter, memstat ends when the reader of its output does.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    chosen_s = options.choose_interval_s(frequency_hz, interval_s)
    out, err = standard_output(), standard_error()
    source = LinuxProcSource()
    targets, missing = _find_targets(source, pids)
    for error in missing:
        err.remark(str(error))
    if not targets:
        return ExitStatus.FAILURE
    scope = Scope(
        roots=tuple(target.key for target in targets),
        recursive=recursive,
        excluded=frozenset({os.getpid()}),
    )
    if not recursive and err.is_terminal:
        _remark_on_uncounted(source, scope, err)
    first = sweep_once(source, scope)
    unreadable = [*notes.unreadable_targets(first, targets)]
    for reason in unreadable:
        err.remark(reason)
    chosen = format_class(verbose)
    status = ExitStatus.FAILURE if missing or unreadable else ExitStatus.OK
    if watch and first.total.pss_bytes is not None:
        from memstat.cli.watch_session import watch_and_report  # noqa: PLC0415 - anyio

        is_live = out.live_terminal is not None and not no_live
        style = WatchStyle(format=chosen.on_terminal if is_live else chosen)
        watched = replace(scope, command_lines=style.shows_table)
        return watch_and_report(watched, style, chosen_s, out=out, err=err) or status
    _print(first, chosen, out)
    _remark_on_partial_total(first, err)
    return status


def _find_targets(
    source: LinuxProcSource, pids: Iterable[int]
) -> tuple[list[Identity], list[ProcessError]]:
    targets, missing = [], []
    for pid in dict.fromkeys(pids):
        try:
            targets.append(_require_another(source, pid))
        except ProcessError as error:
            missing.append(error)
    return targets, missing


def _require_another(source: LinuxProcSource, pid: int) -> Identity:
    """Return the process that has this PID. Raises ProcessError, also for memstat itself."""
    target = source.require(pid)
    if pid == os.getpid():
        raise ProcessError(
            pid,
            f"process {pid} is memstat itself, which it does not measure: where it is the last "
            "command, a shell (sh -c) or a container starts it in its own place",
        )
    return target


def _print(snapshot: Snapshot, chosen: Format, out: Output) -> None:
    # Where nothing is known, a remark says why: only a program or a list of processes needs more.
    if snapshot.total.pss_bytes is not None or chosen.verbose or chosen.is_self_contained:
        out.write(chosen.snapshot(snapshot))


def _remark_on_uncounted(source: LinuxProcSource, scope: Scope, err: Output) -> None:
    tree = Sweeper(source, scope).recursively().find()
    note = notes.uncounted_note(len(tree) - len(scope.roots))
    if note:
        err.remark(note)


def _remark_on_partial_total(snapshot: Snapshot, err: Output) -> None:
    if snapshot.total.pss_bytes is None:
        return
    for note in (notes.denied_note(snapshot), notes.ended_note(snapshot)):
        if note:
            err.remark(note)
