"""``memstat run``: its arguments."""

from __future__ import annotations

from typing import Any

import click

from memstat.cli import options


class _RunCommand(click.Command):
    """Takes options before and after the command; what follows ``--`` is the command's alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ours, theirs = args[:at], args[at + 1 :]
        try:
            rest = super().parse_args(ctx, list(ours))
        except click.NoSuchOption as error:
            name = _as_written(error.option_name, ours)
            raise click.UsageError(
                f"no such option: {name}. Options of the command itself follow '--', as in "
                f"'memstat run [OPTIONS] -- COMMAND {name}', or begin with a backslash: '\\{name}'",
                ctx,
            ) from error
        command = [*map(_without_backslash, ctx.params["command"]), *theirs]
        if not command and not ctx.resilient_parsing:
            raise click.UsageError("which command? memstat run [OPTIONS] COMMAND [ARG...]", ctx)
        ctx.params["command"] = command
        return rest


def _as_written(option: str, arguments: list[str]) -> str:
    """Return the argument that an option stands in: ``-la`` for ``-l``."""
    return next((a for a in arguments if a.startswith(option)), option)


def _without_backslash(argument: str) -> str:
    return argument.removeprefix("\\")


@click.command(
    "run",
    cls=_RunCommand,
    # Not -h: many commands mean something else by it, and whoever forgets the "--" is told.
    context_settings={"help_option_names": ["--help"]},
    short_help="Run a command and measure it.",
    epilog="An argument of the command that begins with a dash comes after `--`, or with a"
    " leading backslash, which is removed. Durations of -i and --kill-after are seconds.",
)
@click.argument("command", metavar="COMMAND [ARG...]", nargs=-1)
@options.recursive
@options.verbose
@options.frequency
@options.interval
@click.option("--peak", "peak", flag_value="also", default="also", help="Tell the peak at the end.")
@click.option("--no-peak", "peak", flag_value="never", help="Do not tell the peak.")
@click.option("--only-peak", "peak", flag_value="only", help="Tell nothing else, on stdout.")
@options.in_bytes
@options.as_json
@options.no_live
@click.option(
    "-O",
    "--redirect-process-stdout-to",
    "stdout_path",
    metavar="PATH",
    help="Write the command's stdout to a file.",
)
@click.option(
    "-E",
    "--redirect-process-stderr-to",
    "stderr_path",
    metavar="PATH",
    help="Write the command's stderr to a file.",
)
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
    help="Kill the tree this long after SIGTERM or SIGHUP.",
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
    help="The most that the command may use: 512M, 1.5 GiB (powers of 1024), 200 MB (of 1000).",
)
@click.option(
    "--on-exceed",
    type=click.Choice(["kill", "fail", "warn"]),
    help="Past --max-pss, end the tree (the default), let it finish and fail, or only say so.",
)
@click.option(
    "--min-samples",
    metavar="N",
    type=click.IntRange(min=1),
    help="Fail when the peak rests on fewer samples.",
)
def command(*, frequency_hz: float | None, interval_s: float | None, **parameters: Any) -> int:
    """Run a command, and tell how much memory it used at most.

    Exit status: the command's own; 128+N when signal N killed it; 127 when it was not found; 126
    when it could not be executed; 125 when memstat itself failed, or took fewer samples than
    --min-samples; 124 when it used more than --max-pss.
    """
    from memstat.cli.run_session import RunOptions, run_and_report  # noqa: PLC0415 - anyio

    chosen_s = options.choose_interval_s(frequency_hz, interval_s)
    if parameters["on_exceed"] is not None and parameters["max_pss_bytes"] is None:
        raise click.UsageError("--on-exceed needs --max-pss")
    if parameters["wait_all"] and not parameters["recursive"]:
        raise click.UsageError("--wait-all needs -r: who is not measured is not waited for")
    return run_and_report(RunOptions(interval_s=chosen_s, **parameters))
