"""``memstat get``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final

import click

from memstat.cli import options
from memstat.cli.exit_status import ExitStatus
from memstat.cli.output import Output, end_with_reader, standard_error, standard_output
from memstat.errors import ProcessError
from memstat.model import Identity, ProcessSample, Snapshot
from memstat.proc.linux import LinuxProcSource
from memstat.proc.tree import Scope
from memstat.report import notes
from memstat.report.formats import Format
from memstat.sampling.sweep import Sweeper, sweep_once

_EPILOG: Final = """\b
Examples:
  memstat get -r 1234            a process and all its descendants
  memstat get -rvw 1234          the same live, until it ends
  memstat get -r --maps 1234     what its memory consists of: heap, stacks, files
"""


@click.command("get", short_help="Measure running processes.", epilog=_EPILOG)
@click.argument("pids", metavar="PID...", type=options.Pid(), nargs=-1, required=True)
@options.recursive
@options.verbose
@click.option(
    "-w",
    "--watch",
    is_flag=True,
    help="Repeat until the target has ended, Ctrl+C or q; then print the peak. ? shows more keys.",
)
@click.option(
    "--maps",
    is_flag=True,
    help="Show what the memory consists of: heap, stacks, anonymous memory, each file, shared"
    " memory, huge pages. With -w and --record: record it at each new peak.",
)
@options.frequency
@options.interval
@options.budget
@options.exact
@options.report_format
@options.no_live
@options.sort
@options.name_filter
@options.record
@options.record_arguments
def command(
    *,
    pids: Sequence[int],
    recursive: bool,
    verbose: bool,
    watch: bool,
    maps: bool,
    frequency_hz: float | None,
    interval_s: float | None,
    budget_percent: float,
    exact: bool,
    format_class: type[Format],
    no_live: bool,
    order: str,
    filter_text: str,
    record_path: str | None,
    record_arguments: bool,
) -> int:
    """Measure running processes; trees that overlap are counted once.

    Exit status: 0; 1 when a target does not exist or cannot be read; 2 for wrong usage; 130 after
    Ctrl+C.
    """
    end_with_reader()
    chosen_s = options.choose_interval_s(frequency_hz, interval_s) or options.DEFAULT_INTERVAL_S
    recording = options.choose_recording(
        record_path, record_arguments=record_arguments, maps=maps and watch
    )
    if recording is not None and not watch:
        raise click.UsageError("--record needs -w: it records what is watched")
    out, err = standard_output(), standard_error()
    source = LinuxProcSource()
    targets = _find_targets(source, pids, err)
    if not targets:
        return ExitStatus.FAILURE
    scope = Scope(
        roots=tuple(target.key for target in targets),
        recursive=recursive,
        excluded=frozenset({os.getpid()}),
    )
    if not recursive and err.is_terminal:
        _remark_on_uncounted(source, scope, err)
    chosen = format_class(verbose=verbose)
    if maps and not watch:
        from memstat.cli.mapped import print_mappings  # noqa: PLC0415 - seldom needed
        from memstat.sampling.mapped import map_once  # noqa: PLC0415 - likewise

        mapped = map_once(source, scope)
        status = _status(mapped.samples, targets, pids, err)
        print_mappings(mapped.mappings, chosen, out, err, is_plain=no_live)
        return status
    first = sweep_once(source, scope)
    status = _status(first.processes, targets, pids, err)
    if watch and first.total.pss_bytes is not None:
        from memstat.cli.watch_session import WatchOptions, watch_and_report  # noqa: PLC0415 - anyio
        from memstat.report.ending import WatchStyle  # noqa: PLC0415 - only here

        is_live = out.live_terminal is not None and not no_live
        style = WatchStyle(format=chosen.on_terminal if is_live else chosen)
        policy = options.choose_policy(budget_percent, exact=exact)
        view = options.choose_view(order, filter_text)
        watched = WatchOptions(scope, style, chosen_s, policy, view, recording)
        return watch_and_report(watched, out=out, err=err) or status
    _print(first, chosen, out)
    _remark_on_total(first, err, has_all=chosen.is_self_contained)
    return status


def _find_targets(source: LinuxProcSource, pids: Iterable[int], err: Output) -> list[Identity]:
    """Return the processes with these PIDs, each once; the others are errors on stderr."""
    targets = []
    for pid in dict.fromkeys(pids):
        try:
            targets.append(_require_another(source, pid))
        except ProcessError as error:
            err.remark(str(error))
    return targets


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


def _status(
    processes: Sequence[ProcessSample],
    targets: Sequence[Identity],
    pids: Sequence[int],
    err: Output,
) -> ExitStatus:
    """Say why nothing of a target could be measured; return the status for all that were named."""
    reasons = [*notes.unreadable_targets(processes, targets)]
    for reason in reasons:
        err.remark(reason)
    return ExitStatus.FAILURE if reasons or len(targets) < len(set(pids)) else ExitStatus.OK


def _remark_on_total(snapshot: Snapshot, err: Output, *, has_all: bool) -> None:
    """Say what the total lacks and, unless the output ``has_all`` sizes, what it leaves out."""
    if snapshot.total.pss_bytes is None:
        return
    if (beside := notes.beside_pss(snapshot)) and not has_all:
        err.remark(beside)
    for note in (
        *notes.partial_notes(snapshot).values(),
        notes.ended_note(snapshot),
        notes.uncertain_note(snapshot),
    ):
        if note:
            err.remark(note)
