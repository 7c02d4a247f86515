"""A comparison for people: what came out, the figures, and what has grown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from memstat.comparing.comparison import Comparison, Comparisons
from memstat.comparing.decision import Decision, Outcome, Rule
from memstat.comparing.figures import LEAST_RUNS, median, spread
from memstat.comparing.growth import Growth
from memstat.report.lines import filled
from memstat.text import plural, printable
from memstat.units import format_size

_MOST_GROWTHS: Final = 8
_TABLE_WIDTH: Final = 72
_LEAST_WIDTH: Final = 20
BY_TOLERANCE_ALONE: Final = (
    f"judged by the tolerance alone, for want of {LEAST_RUNS} runs on both sides. Of one run"
    " against one, with a tolerance of 10 %, 6 of 100 pairs were false alarms (35 for the program"
    " that varied most), and half of those with 10 % more were not found: 5 runs do better"
)
"""How often it errs: resampled from 20 runs of six programs."""

NO_PARTS: Final = (
    "what of that is anonymous, of files or shared memory is not known: its pages were never walked"
)


def lines(compared: Comparisons, rule: Rule, width: int | None = None) -> Iterator[str]:
    """Yield what is to be read of each pair, and what has none.

    Of a terminal ``width`` columns wide, what is longer goes on in the next line.
    """
    for line in _lines(compared, rule, width):
        yield from wrapped(line, width)


def wrapped(line: str, width: int | None) -> list[str]:
    """Return a line as several, where it is too long: the others are indented by two more.

    >>> wrapped("  a note of some words", 22)
    ['  a note of some', '    words']
    """
    words = line.lstrip(" ")
    indent = " " * (len(line) - len(words))
    room = None if width is None else max(_LEAST_WIDTH, width) - len(indent)
    return [f"{indent}{part}" for part in filled(words, room)]


def _lines(compared: Comparisons, rule: Rule, width: int | None) -> Iterator[str]:
    for number, pair in enumerate(compared.pairs):
        if number:
            yield ""
        yield from _pair(pair, rule, width)
    if not compared.pairs:
        yield "not comparable: nothing has the same name on both sides"
    for name in compared.only_base:
        yield f"only in the base: {printable(name)}"
    for name in compared.only_new:
        yield f"not in the base: {printable(name)}"


def _pair(pair: Comparison, rule: Rule, width: int | None) -> Iterator[str]:
    yield f"{printable(pair.new.name)}: {headline(pair)}"
    if pair.base.name != pair.new.name:
        yield f"  against {printable(pair.base.name)}"
    for label, one in (("base", pair.base), ("new", pair.new)):
        sizes = one.sizes_bytes(pair.metric)
        if sizes:
            yield (
                f"  {label:<5} {format_size(median(sizes)):<9} largest {format_size(max(sizes))},"
                f" {_runs(sizes)}"
            )
    if pair.decision is not None:
        yield f"  rule  {rule_text(rule, pair.decision)}"
    yield from (f"  note: {printable(note)}" for note in notes(pair))
    yield from _grown(pair, width)


def _runs(sizes: tuple[int, ...]) -> str:
    runs = plural(len(sizes), "run", "runs")
    return runs if len(sizes) == 1 else f"{runs}, spread {100 * spread(sizes):.1f} %"


def headline(pair: Comparison) -> str:
    """Return what came out, in one line.

    >>> from memstat.comparing.comparison import compare
    >>> from memstat.comparing.measurements import Measurements, Metric, Run
    >>> mib = 1 << 20
    >>> before = Measurements("sort", (Run(pss_bytes=100 * mib),) * 5)
    >>> after = Measurements("sort", (Run(pss_bytes=120 * mib),) * 5)
    >>> headline(compare([before], [after], Metric.PSS, Rule()).pairs[0])
    'regression, +20.0 % (20.0 MiB more PSS)'
    """
    outcome = pair.outcome.value
    if pair.decision is None:
        return outcome
    return f"{outcome}, {difference(pair.decision, pair.metric.upper())}"


def difference(decision: Decision, metric: str) -> str:
    """Return by how much the medians differ."""
    growth = decision.growth_bytes
    what = "more" if growth >= 0 else "less"
    size = f"{format_size(abs(growth))} {what} {metric}"
    part = decision.growth_part
    return size if part is None else f"{100 * part:+.1f} % ({size})"


def rule_text(rule: Rule, decision: Decision) -> str:
    """Return what a regression is, and how probable this one would be by chance."""
    limits = f"{100 * rule.tolerance:g} % and {format_size(rule.min_change_bytes)} more"
    if decision.p_value is None:
        return f"a median with over {limits}"
    return f"over {limits}, with p <= 0.05: p is {decision.p_value:.2g}"


def notes(pair: Comparison) -> Iterator[str]:
    """Yield what a reader has to know of a comparison."""
    yield from (f"{obstacle}{_remedy(pair)}" for obstacle in pair.obstacles)
    yield from pair.doubts
    if pair.outcome is Outcome.NOT_COMPARABLE or pair.decision is None:
        return
    if pair.decision.is_by_tolerance_alone:
        yield BY_TOLERANCE_ALONE


def _remedy(pair: Comparison) -> str:
    if pair.decision is None:
        return ""
    return "; ignored, by --force" if pair.is_forced else "; --force compares all the same"


def _grown(pair: Comparison, width: int | None) -> Iterator[str]:
    shown = pair.growths[:_MOST_GROWTHS]
    if not shown:
        return
    has_parts = any(part is not None for growth in shown for part in growth.parts_bytes)
    yield "  at the peaks nearest to the medians:"
    if width is None or width >= _TABLE_WIDTH:
        yield from _table(shown, has_parts=has_parts)
    else:
        for growth in shown:
            yield from _narrow(growth, has_parts=has_parts)
    more = len(pair.growths) - len(shown)
    if more > 0:
        yield f"    and {plural(more, 'program', 'programs')} more"
    if not has_parts:
        yield f"  note: {NO_PARTS}"


def _table(shown: Sequence[Growth], *, has_parts: bool) -> Iterator[str]:
    parts = _columns("anon", "file", "shmem") if has_parts else ""
    yield f"    {'MiB of PSS':<15} {'base':>7} {'new':>7}{_columns('change')}{parts}"
    for growth in shown:
        base, new = growth.base, growth.new
        count = f" x{new.processes}" if new.processes > 1 else ""
        name = f"{printable(growth.name)[: 15 - len(count)]}{count}"
        parts = _columns(*map(_change, growth.parts_bytes)) if has_parts else ""
        sizes = f"{_mib(base.pss_bytes):>7} {_mib(new.pss_bytes):>7}"
        yield f"    {name:<15} {sizes}{_columns(_change(growth.pss_bytes))}{parts}"


def _columns(*texts: str) -> str:
    return "".join(f" {text:>8}" for text in texts)


def _narrow(growth: Growth, *, has_parts: bool) -> Iterator[str]:
    sizes = f"{_mib(growth.base.pss_bytes)} to {_mib(growth.new.pss_bytes)} MiB"
    yield f"    {printable(growth.name)[:15]} {sizes}"
    if has_parts:
        anon, file, shmem = map(_change, growth.parts_bytes)
        yield f"      anon {anon}, file {file}, shmem {shmem}"


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.1f}"


def _change(size_bytes: int | None) -> str:
    if size_bytes is None:
        return "?"
    mib = round(size_bytes / (1 << 20), 1)
    return f"{mib:+.1f}" if mib else "0.0"
