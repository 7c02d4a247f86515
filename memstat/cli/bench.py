"""``memstat bench``: its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from memstat.cli import options
from memstat.cli.bench_options import BenchOptions, Exports

_EPILOG: Final = """
Each argument is a command of its own, split as a shell does it; a shell runs it only where it has
characters that a shell alone understands. The words of one command follow `--`, and those of the
next `---`. Commands take turns, with /dev/null as their input.

\b
Examples:
  memstat bench -- sort big.txt
  memstat bench -n 10 'sort big.txt' 'sort -S 1M big.txt'
  memstat bench --export-json new.json -- ./solver input --- ./solver -x input
"""


class _BenchCommand(click.Command):
    """Takes what follows ``--`` as it is."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:at])
        ctx.params["words"] = args[at + 1 :]
        return rest


@click.command(
    "bench",
    cls=_BenchCommand,
    short_help="Run commands several times and sum up their peaks.",
    epilog=_EPILOG,
)
@click.argument("strings", metavar="COMMAND... | -- COMMAND [ARG...]", nargs=-1)
@click.option(
    "-n",
    "--runs",
    metavar="N",
    type=click.IntRange(1, 10_000),
    default=5,
    show_default=True,
    help="Measure each command N times.",
)
@click.option(
    "--warmup",
    "warmups",
    metavar="N",
    type=click.IntRange(0, 10_000),
    default=1,
    show_default=True,
    help="Run each N times before; by how long that takes, the rate is chosen.",
)
@click.option("--prepare", metavar="CMD", help="Run CMD by the shell before every run.")
@click.option(
    "--name",
    "names",
    metavar="NAME",
    multiple=True,
    help="What a command is called in reports and files; once for each, in their order.",
)
@click.option("--ignore-failure", is_flag=True, help="Go on when a command fails.")
@click.option("--show-output", is_flag=True, help="Show what the commands print.")
@options.frequency
@options.interval
@options.budget
@options.exact
@click.option(
    "--export-json",
    "json_path",
    metavar="PATH",
    help="Write all of each run as JSON, for `memstat compare` and for what reads hyperfine's.",
)
@click.option("--export-csv", "csv_path", metavar="PATH", help="Write a row for each run.")
@click.option("--export-markdown", "markdown_path", metavar="PATH", help="Write a table.")
def command(
    *,
    strings: Sequence[str],
    words: Sequence[str],
    runs: int,
    warmups: int,
    prepare: str | None,
    names: Sequence[str],
    ignore_failure: bool,
    show_output: bool,
    frequency_hz: float | None,
    interval_s: float | None,
    budget_percent: float,
    exact: bool,
    json_path: str | None,
    csv_path: str | None,
    markdown_path: str | None,
) -> int:
    """Run commands several times, with all that they start, and sum up their peaks.

    Exit status: 0; 1 when a run failed; 2 for wrong usage; 125 to 127 when a command could not be
    started, as of `memstat run`; 130 after Ctrl+C, which reports what was measured so far.
    """
    from memstat.cli.bench_session import bench_and_report  # noqa: PLC0415 - anyio
    from memstat.comparing import cases  # noqa: PLC0415 - not for --help

    if strings and words:
        raise click.UsageError("commands are strings, or follow '--': not both")
    if not strings and not words:
        raise click.UsageError("no command given: memstat bench [OPTIONS] -- COMMAND [ARG...]")
    try:
        commands = cases.of_strings(strings) if strings else cases.of_arguments(words)
        chosen = cases.named(commands, names)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return bench_and_report(
        BenchOptions(
            cases=chosen,
            runs=runs,
            warmups=warmups,
            prepare=prepare,
            interval_s=options.choose_interval_s(frequency_hz, interval_s),
            policy=options.choose_policy(budget_percent, exact=exact),
            ignore_failure=ignore_failure,
            show_output=show_output,
            exports=Exports(json_path, csv_path, markdown_path),
        )
    )
