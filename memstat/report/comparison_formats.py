"""Comparisons for other programs and services. Pure: values to text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from memstat.comparing.comparison import Comparison, Comparisons
from memstat.comparing.decision import Outcome, Rule
from memstat.comparing.figures import median
from memstat.comparing.growth import Growth
from memstat.comparing.measurements import Measurements, Metric, Program
from memstat.report import comparison
from memstat.report.bench_tables import cell
from memstat.units import format_size

_SIGNS: Final[Mapping[Outcome, str]] = {
    Outcome.REGRESSION: "**regression**",
    Outcome.IMPROVEMENT: "improvement",
    Outcome.UNCHANGED: "unchanged",
    Outcome.NOT_COMPARABLE: "**not comparable**",
}


def markdown(compared: Comparisons, rule: Rule) -> str:
    """Return a table and notes, for the summary of a step of CI."""
    rows = [
        "| command | base | new | change | p | |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        *(_row(pair) for pair in compared.pairs),
        *(f"| {cell(name)} | | | | | only in the base |" for name in compared.only_base),
        *(f"| {cell(name)} | | | | | not in the base |" for name in compared.only_new),
    ]
    limits = f"{100 * rule.tolerance:g} % and {format_size(rule.min_change_bytes)}"
    metric = compared.pairs[0].metric.upper() if compared.pairs else "PSS"
    rows += ["", f"Medians of peak {metric}. A regression is more than {limits}, with p <= 0.05."]
    for pair in compared.pairs:
        rows += [f"- {cell(pair.new.name)}: {_plain(note)}" for note in comparison.notes(pair)]
        rows += _grown_table(pair)
    return "\n".join(rows)


def _plain(note: str) -> str:
    return note.replace("<", "&lt;").replace("|", "&#124;")


def _row(pair: Comparison) -> str:
    decision = pair.decision
    if decision is None:
        return f"| {cell(pair.new.name)} | ? | ? | ? | ? | {_SIGNS[pair.outcome]} |"
    part = decision.growth_part
    cells = (
        cell(pair.new.name),
        format_size(decision.base_bytes),
        format_size(decision.new_bytes),
        "?" if part is None else f"{100 * part:+.1f} %",
        "" if decision.p_value is None else f"{decision.p_value:.2g}",
        _SIGNS[pair.outcome],
    )
    return f"| {' | '.join(cells)} |"


def _grown_table(pair: Comparison) -> Iterator[str]:
    if not pair.growths:
        return
    yield from (
        "",
        f"What differs at the peak of {cell(pair.new.name)}:",
        "",
        "| program | before | now | change | anon | file | shmem |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    )
    yield from (_growth_row(growth) for growth in pair.growths)


def _growth_row(growth: Growth) -> str:
    base, new = growth.base, growth.new
    changes = (growth.pss_bytes, *growth.parts_bytes)
    cells = (cell(growth.name), format_size(base.pss_bytes), format_size(new.pss_bytes))
    return f"| {' | '.join([*cells, *map(_change, changes)])} |"


def _change(size_bytes: int | None) -> str:
    if size_bytes is None:
        return "?"
    sign = "-" if size_bytes < 0 else "+" if size_bytes else ""
    return f"{sign}{format_size(abs(size_bytes))}"


def as_json(compared: Comparisons, rule: Rule) -> str:
    """Return all of it, in bytes."""
    value = {
        "kind": "comparison",
        "outcome": compared.outcome.value,
        "tolerance": rule.tolerance,
        "min_change_bytes": rule.min_change_bytes,
        "results": [_result(pair) for pair in compared.pairs],
        "only_base": compared.only_base,
        "only_new": compared.only_new,
    }
    return json.dumps(value, indent=2)


def _result(pair: Comparison) -> Mapping[str, Any]:
    decision = pair.decision
    return {
        "name": pair.new.name,
        "metric": pair.metric.value,
        "outcome": pair.outcome.value,
        "growth_bytes": None if decision is None else decision.growth_bytes,
        "growth_part": None if decision is None else decision.growth_part,
        "p_value": None if decision is None else decision.p_value,
        "base": _side(pair.base, pair.metric),
        "new": _side(pair.new, pair.metric),
        "obstacles": pair.obstacles,
        "notes": [*comparison.notes(pair)],
        "programs": [
            {"name": grown.name, "base": _program(grown.base), "new": _program(grown.new)}
            for grown in pair.growths
        ],
    }


def _program(program: Program) -> Mapping[str, int | None]:
    return {field: value for field, value in program._asdict().items() if field != "name"}


def _side(one: Measurements, metric: Metric) -> Mapping[str, Any]:
    sizes = one.sizes_bytes(metric)
    return {
        "name": one.name,
        "median_bytes": median(sizes) if sizes else None,
        "largest_bytes": max(sizes, default=None),
        "sizes_bytes": sizes,
    }


def github_action_benchmark(compared: Comparisons, _: Rule) -> str:
    """Return the new medians as its ``customSmallerIsBetter`` takes them."""
    values = [
        {
            "name": f"{name} (peak {metric.upper()})",
            "unit": "bytes",
            "value": median(sizes),
            "range": str(max(sizes) - min(sizes)),
            "extra": f"{len(sizes)} runs, the largest {format_size(max(sizes))}",
        }
        for name, metric, sizes in _new_sizes(compared)
    ]
    return json.dumps(values, indent=2)


def bencher(compared: Comparisons, _: Rule) -> str:
    """Return the new medians in the Bencher Metric Format."""
    values = {
        name: {
            f"peak-{metric.value}": {
                "value": median(sizes),
                "lower_value": min(sizes),
                "upper_value": max(sizes),
            }
        }
        for name, metric, sizes in _new_sizes(compared)
    }
    return json.dumps(values, indent=2)


def _new_sizes(compared: Comparisons) -> Iterator[tuple[str, Metric, Sequence[int]]]:
    for pair in compared.pairs:
        sizes = pair.new.sizes_bytes(pair.metric)
        if sizes:
            yield pair.new.name, pair.metric, sizes


FORMATS: Final[Mapping[str, Callable[[Comparisons, Rule], str]]] = {
    "markdown": markdown,
    "json": as_json,
    "github-action-benchmark": github_action_benchmark,
    "bencher": bencher,
}
"""Those that are not for people, by their names."""
