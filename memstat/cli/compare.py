"""``memstat compare``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

import click

from memstat import __version__
from memstat.cli import options
from memstat.cli.exit_status import ExitStatus
from memstat.cli.output import standard_error, standard_output
from memstat.cli.whole_file import WholeFile
from memstat.comparing import bench_file
from memstat.comparing.comparison import compare
from memstat.comparing.decision import Outcome, Rule
from memstat.comparing.history import appended
from memstat.comparing.loading import load, load_baseline
from memstat.comparing.measurements import Measurements, Metric
from memstat.report.comparison import lines
from memstat.report.comparison_formats import FORMATS
from memstat.text import plural

_EPILOG: Final = """
BASE and NEW are files of `memstat bench --export-json`, summaries of `memstat run --json`, a line
for each run, recordings, baselines of the pytest plugin, or folders of these; one may be `-`.

\b
Examples:
  memstat compare base.json new.json
  memstat compare --format markdown base.json new.json >> "$GITHUB_STEP_SUMMARY"
  memstat compare --update base.json new.json   keep the last five runs
"""
_STATUSES: Final = {
    Outcome.REGRESSION: ExitStatus.REGRESSION,
    Outcome.NOT_COMPARABLE: ExitStatus.NOT_COMPARABLE,
    Outcome.UNCHANGED: ExitStatus.OK,
    Outcome.IMPROVEMENT: ExitStatus.OK,
}


class _Percentage(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A percentage, as a part."""

    name = "percentage"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            part = float(value.strip().removesuffix("%")) / 100
        except ValueError:
            part = -1.0
        if not 0 <= part <= 100:
            self.fail(f"{value!r} is not a percentage, as in 5%", param, ctx)
        return part


@click.command("compare", short_help="Compare peaks with those before.", epilog=_EPILOG)
@click.argument("base", metavar="BASE")
@click.argument("new", metavar="NEW")
@click.option(
    "--tolerance",
    metavar="PERCENT",
    type=_Percentage(),
    default="5%",
    show_default=True,
    help="The median may grow by this much.",
)
@click.option(
    "--min-change",
    "min_change_bytes",
    metavar="SIZE",
    type=options.Size(),
    default="1MiB",
    show_default=True,
    help="It may grow by this much in any case.",
)
@click.option(
    "--metric",
    type=click.Choice([metric.value for metric in Metric]),
    default=Metric.PSS.value,
    show_default=True,
    help="What is compared: this size at the peak of PSS.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", *FORMATS]),
    default="text",
    show_default=True,
    help="Lines, a table for the summary of a step of CI, or what a service reads.",
)
@click.option("--force", is_flag=True, help="Compare what was not measured alike all the same.")
@click.option(
    "--update",
    is_flag=True,
    help="Append the new runs to BASE, and keep the last five of each command; make it if there is"
    " none.",
)
def command(
    *,
    base: str,
    new: str,
    tolerance: float,
    min_change_bytes: int,
    metric: str,
    form: str,
    force: bool,
    update: bool,
) -> int:
    """Compare the peaks of runs with those of earlier ones, and tell whether they grew.

    They grew if the median did, by more than the tolerance, and chance explains that in one of
    twenty cases at most (the exact test of Mann and Whitney). Fewer than three runs on a side are
    judged by the tolerance alone.

    Exit status: 0 when nothing grew; 1 when something did; 2 for wrong usage and files that cannot
    be read or written; 3 when the two are not comparable.
    """
    if base == new == "-":
        raise click.UsageError("BASE and NEW cannot both be standard input")
    rule = Rule(tolerance, min_change_bytes)
    with ExitStack() as files:
        file = None
        if update:
            file = files.enter_context(_opened_base(base))
        before = load_baseline(base) if update else load(base)
        after = load(new)
        compared = compare(before, after, Metric(metric), rule, force=force)
        if file is not None and not before:
            _write(file, base, (), after)
            return ExitStatus.OK
        out = standard_output()
        if form == "text":
            out.write("\n".join(lines(compared, rule, out.width)))
        else:
            out.write(FORMATS[form](compared, rule))
        if file is not None and compared.outcome is not Outcome.NOT_COMPARABLE:
            _write(file, base, before, after)
    return _STATUSES[compared.outcome]


def _opened_base(base: str) -> WholeFile:
    if base == "-" or os.path.isdir(base):
        raise click.UsageError("--update needs a BASE that is a file")
    return WholeFile(base)


def _write(
    file: WholeFile, path: str, before: Sequence[Measurements], after: Sequence[Measurements]
) -> None:
    kept = appended(before, after)
    file.commit(bench_file.encode(kept, __version__))
    runs = plural(sum(len(one.runs) for one in kept), "run", "runs")
    standard_error().remark(f"{path} has {runs} now")
