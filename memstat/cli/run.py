"""``memstat run``: its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from memstat.cli import options
from memstat.cli.run_options import Paths, RunOptions
from memstat.report.formats import Format, OnExceed, PeakMode
from memstat.supervision.signal_plan import ForwardingPolicy

_EPILOG: Final = """
An argument of the command that begins with a dash comes after `--`, or with a leading backslash,
which is removed. Durations of -i and --kill-after are seconds.

\b
Examples:
  memstat run -rv -- make -j4                       live, and the peak
  memstat run -r --max-pss 2GiB -- make test        fail past a limit
  memstat run -r --only-peak --bytes -- ./job.sh    the peak alone, for a script
"""


class _RunCommand(click.Command):
    """Takes options before and after the command; what follows ``--`` is for the command only."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ours, theirs = args[:at], args[at + 1 :]
        try:
            rest = super().parse_args(ctx, list(ours))
        except click.NoSuchOption as error:
            if self._asks_for_help(ctx, ours):
                click.echo(ctx.get_help())
                ctx.exit()
            name = _as_written(error.option_name, ours)
            raise click.UsageError(
                f"no such option: {name}. Options of the command itself follow '--', as in "
                f"'memstat run [OPTIONS] -- COMMAND {name}', or begin with a backslash: '\\{name}'",
                ctx,
            ) from error
        command = [*map(_without_backslash, ctx.params["command"]), *theirs]
        if not command and not ctx.resilient_parsing:
            raise click.UsageError("no command given: memstat run [OPTIONS] COMMAND [ARG...]", ctx)
        ctx.params["command"] = command
        return rest

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "Show this message and exit; so does -h before the command."
        return option

    def _asks_for_help(self, ctx: click.Context, arguments: list[str]) -> bool:
        """Whether ``-h`` stands among the options before the command: to many it means other."""
        parser = self.make_parser(ctx)
        parser.allow_interspersed_args = False
        try:
            parser.parse_args(list(arguments))
        except click.NoSuchOption as error:
            return error.option_name == "-h"
        except click.UsageError:
            return False
        return False


def _as_written(option: str, arguments: list[str]) -> str:
    """Return the argument that contains an option: ``-la`` for ``-l``."""
    return next((a for a in arguments if a.startswith(option)), option)


def _without_backslash(argument: str) -> str:
    return argument.removeprefix("\\")


@click.command(
    "run",
    cls=_RunCommand,
    # Not -h, which after the command is meant for it: an error that says so, without "--".
    context_settings={"help_option_names": ["--help"]},
    short_help="Run a command and measure it.",
    epilog=_EPILOG,
)
@click.argument("command", metavar="COMMAND [ARG...]", nargs=-1)
@options.recursive
@options.verbose
@options.frequency
@options.interval
@options.budget
@options.exact
@click.option(
    "--peak",
    "peak",
    flag_value="also",
    default="also",
    help="Print the peak at the end (the default).",
)
@click.option("--no-peak", "peak", flag_value="never", help="Do not print the peak.")
@click.option("--only-peak", "peak", flag_value="only", help="Print only the peak, to stdout.")
@options.report_format
@options.no_live
@options.sort
@options.name_filter
@click.option(
    "-O",
    "--redirect-process-stdout-to",
    "stdout_path",
    metavar="PATH",
    help="Write the command's stdout to a file; `-`, /dev/stdout and /dev/fd/N are the stream"
    " as it is.",
)
@click.option(
    "-E",
    "--redirect-process-stderr-to",
    "stderr_path",
    metavar="PATH",
    help="Write the command's stderr to a file.",
)
@click.option(
    "--report",
    "report_path",
    metavar="PATH",
    help="Write the report to a file; stdout and stderr are then the command's alone.",
)
@options.record
@options.record_arguments
@click.option(
    "--maps",
    is_flag=True,
    help="Record what the memory consists of at each new peak too (with --record).",
)
@click.option("--append", is_flag=True, help="Append to the files of -O, -E and --report.")
@click.option(
    "--wait-all", is_flag=True, help="Measure until the last descendant has ended (with -r)."
)
@click.option(
    "--kill-after",
    "kill_after_s",
    metavar="S",
    type=options.PositiveNumber("seconds", least=0.001, most=1e6),
    default=10.0,
    show_default=True,
    help="Kill the tree S seconds after SIGTERM or SIGHUP.",
)
@click.option(
    "--forward",
    type=click.Choice(["auto", "all", "none"]),
    default="auto",
    show_default=True,
    help="Pass on the signals that the command has not received itself, all, or none.",
)
@click.option(
    "--max-pss",
    "max_pss_bytes",
    metavar="SIZE",
    type=options.Size(),
    help="Limit the total PSS of the command and all descendants (it implies -r), without swap and"
    " huge pages: 512M, 1.5 GiB (powers of 1024), 200 MB (powers of 1000).",
)
@click.option(
    "--on-exceed",
    type=click.Choice(["kill", "fail", "warn"]),
    help="Past --max-pss: end the tree (the default), let it finish and fail, or only warn.",
)
@click.option(
    "--min-samples",
    metavar="N",
    type=click.IntRange(min=1),
    help="Fail when fewer samples were taken.",
)
def command(
    *,
    command: Sequence[str],
    recursive: bool,
    verbose: bool,
    frequency_hz: float | None,
    interval_s: float | None,
    budget_percent: float,
    exact: bool,
    peak: PeakMode,
    format_class: type[Format],
    no_live: bool,
    order: str,
    filter_text: str,
    stdout_path: str | None,
    stderr_path: str | None,
    report_path: str | None,
    record_path: str | None,
    record_arguments: bool,
    maps: bool,
    append: bool,
    wait_all: bool,
    kill_after_s: float,
    max_pss_bytes: int | None,
    on_exceed: OnExceed | None,
    min_samples: int | None,
    forward: ForwardingPolicy,
) -> int:
    """Run a command and show its peak memory.

    Exit status: the command's own; 128+N when signal N killed it; 127 when it was not found; 126
    when it could not be executed; 125 when memstat itself failed, or took fewer samples than
    --min-samples; 124 when it used more than --max-pss.
    """
    from memstat.cli.run_session import run_and_report  # noqa: PLC0415 - anyio

    chosen_s = options.choose_interval_s(frequency_hz, interval_s)
    if on_exceed is not None and max_pss_bytes is None:
        raise click.UsageError("--on-exceed needs --max-pss")
    if append and stdout_path is stderr_path is report_path is None:
        raise click.UsageError("--append needs -O, -E or --report: there is no file to append to")
    if wait_all and not recursive and max_pss_bytes is None:
        raise click.UsageError("--wait-all needs -r: it waits only for processes that are measured")
    return run_and_report(
        RunOptions(
            command=command,
            # A limit for the command's own process alone would be none: children escape it.
            recursive=recursive or max_pss_bytes is not None,
            wait_all=wait_all,
            interval_s=chosen_s,
            policy=options.choose_policy(budget_percent, exact=exact),
            format=format_class(verbose=verbose),
            peak=peak,
            no_live=no_live,
            view=options.choose_view(order, filter_text),
            paths=Paths(stdout_path, stderr_path, report_path, append),
            kill_after_s=kill_after_s,
            max_pss_bytes=max_pss_bytes,
            on_exceed=on_exceed or "kill",
            min_samples=min_samples,
            forward=forward,
            recording=options.choose_recording(
                record_path, record_arguments=record_arguments, maps=maps
            ),
        )
    )
