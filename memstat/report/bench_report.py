"""The end of a benchmark for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from memstat.comparing.decision import Outcome, Rule, decide
from memstat.comparing.figures import median, spread
from memstat.comparing.measurements import Measurements, Metric, Run
from memstat.comparing.pacing import FASTEST_S, WANTED_SAMPLES
from memstat.comparing.scatter import unexplained
from memstat.report.estimates import is_wide
from memstat.report.trend import bars
from memstat.text import plural, printable
from memstat.units import format_bracket, format_duration, format_size

_NOTABLE: Final = 0.02
"""A spread of less needs no explanation."""
_MOST_BARS: Final = 20


def lines(
    measured: Sequence[Measurements], width: int | None = None, *, ascii_only: bool = False
) -> list[str]:
    """Return the figures of each command, and how the others compare with the first.

    Of a terminal ``width`` columns wide, names take no more than one line.
    """
    text: list[str] = []
    for one in measured:
        text += [*([""] if text else []), *_block(one, width, ascii_only=ascii_only)]
    if len(measured) > 1:
        text += ["", *_against_first(measured, width)]
    return text


def _block(one: Measurements, width: int | None, *, ascii_only: bool) -> Iterator[str]:
    sizes = one.sizes_bytes(Metric.PSS)
    yield _cut(printable(one.name), width)
    if sizes:
        strip = bars(sizes, width=_MOST_BARS, top=max(sizes), ascii_only=ascii_only)
        yield f"  median    {format_size(median(sizes)):<9}  {strip}"
        yield f"  largest   {format_size(max(sizes))}"
        yield f"  spread    {_spread(one.runs, sizes)}"
    times = [round(run.duration_s * 1e9) for run in one.runs if run.duration_s is not None]
    runs = plural(len(one.runs), "run", "runs")
    yield f"  time      {format_duration(median(times) / 1e9)}, {runs}" if times else f"  {runs}"
    yield f"  samples   {_samples(one.runs)}"


def _spread(runs: Sequence[Run], sizes: Sequence[int]) -> str:
    part = spread(sizes)
    text = f"{100 * part:.1f} %"
    if part < _NOTABLE:
        return text
    # A program that varies by itself is no better known by more samples.
    return f"{text}, by the program" if unexplained(runs) >= _NOTABLE else f"{text}, by sampling"


def _samples(runs: Sequence[Run]) -> str:
    least = min(run.samples or 0 for run in runs)
    intervals = [run.interval_s for run in runs if run.interval_s]
    rate = f", at {1 / min(intervals):.3g} Hz" if intervals else ""
    return f"{least} or more{rate}"


def _against_first(measured: Sequence[Measurements], width: int | None) -> Iterator[str]:
    first, *others = measured
    yield _cut(f"Against {printable(first.name)}:", width)
    base = first.sizes_bytes(Metric.PSS)
    for other in others:
        sizes = other.sizes_bytes(Metric.PSS)
        yield _cut(f"  {printable(other.name)}", width)
        if base and sizes:
            yield f"    {_difference(base, sizes)}"


def _difference(base: Sequence[int], sizes: Sequence[int]) -> str:
    decision = decide(base, sizes, Rule())
    part = "" if decision.growth_part is None else f"{100 * decision.growth_part:+.1f} %"
    what = {
        Outcome.REGRESSION: "more",
        Outcome.IMPROVEMENT: "less",
        Outcome.UNCHANGED: "no difference shown",
    }[decision.outcome]
    how = "too few runs" if decision.p_value is None else f"p = {decision.p_value:.2g}"
    return f"{part}, {what} ({how})"


def remarks(measured: Sequence[Measurements]) -> Iterator[str]:
    """Yield every reason to doubt these figures."""
    for one in measured:
        yield from (f"{one.name}: {doubt}" for doubt in _doubts(one.runs))


def _doubts(runs: Sequence[Run]) -> Iterator[str]:
    count = len(runs)
    unknown = sum(run.pss_bytes is None for run in runs)
    if unknown:
        yield f"{unknown} of {plural(count, 'run', 'runs')} could not be measured: too short"
    least = min(run.samples or 0 for run in runs)
    if least < WANTED_SAMPLES:
        is_fastest = min(run.interval_s or 0.0 for run in runs) <= FASTEST_S
        why = "it is too short for more" if is_fastest else "a higher frequency (-f) takes more"
        few = plural(least, "sample", "samples")
        yield f"a run has only {few}, and a reliable peak needs {WANTED_SAMPLES}: {why}"
    flawed = [run.flaw for run in runs if run.flaw is not None]
    if flawed:
        yield f"at {len(flawed)} of {plural(count, 'peak', 'peaks')} {flawed[0]}"
    failed = sum(bool(run.exit_status) for run in runs)
    if failed:
        yield f"{failed} of {plural(count, 'run', 'runs')} failed"
    yield from _wide(runs)


def _wide(runs: Sequence[Run]) -> Iterator[str]:
    wide = [run for run in runs if is_wide(run.pss_low_bytes, run.pss_high_bytes)]
    if wide:
        low = min(run.pss_low_bytes or 0 for run in wide)
        high = max(run.pss_high_bytes or 0 for run in wide)
        count = plural(len(runs), "run", "runs")
        yield (
            f"the peak is an estimate in {len(wide)} of {count}: {format_bracket(low, high)};"
            " --exact or a larger --budget narrows it"
        )


def left_running(processes: int) -> str:
    """Return that runs have left processes behind."""
    return (
        f"{plural(processes, 'process', 'processes')} that the runs have started still ran at"
        " their end"
    )


def stopped(measured: Sequence[Measurements]) -> str:
    """Return that a benchmark was stopped, and what there is of it."""
    runs = sum(len(one.runs) for one in measured)
    return f"stopped; {plural(runs, 'run was', 'runs were')} measured"


def _cut(text: str, width: int | None) -> str:
    if width is None:
        return text
    from memstat.report.page import fitted  # noqa: PLC0415 - rich, and only on a terminal

    return fitted(text, width).rstrip()
