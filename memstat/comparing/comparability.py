"""Why measurements cannot be compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from memstat.comparing.measurements import Flaw, Measurements, Metric, Run
from memstat.comparing.pacing import WANTED_SAMPLES
from memstat.text import plural

_MOST_APART: Final = 4
"""Intervals may differ by this factor: with a longer one, short peaks are missed more often."""
_WIDE: Final = 0.05
"""Bounds that are further apart than this may hide a growth."""


def obstacles(base: Measurements, new: Measurements, metric: Metric) -> tuple[str, ...]:
    """Return each reason why two cannot be compared; none if they can."""
    return (
        *_unknown("BASE", base.runs, metric),
        *_unknown("NEW", new.runs, metric),
        *_other_machine(base.runs, new.runs),
        *_other_interval(base.runs, new.runs),
        *_flawed("BASE", base.runs),
        *_flawed("NEW", new.runs),
    )


def doubts(base: Measurements, new: Measurements) -> tuple[str, ...]:
    """Return what does not keep two from being compared, but a reader must know."""
    return (*_doubts("BASE", base), *_doubts("NEW", new))


def _doubts(side: str, one: Measurements) -> Iterator[str]:
    yield from (f"{side}: {remark}" for remark in one.remarks)
    yield from _some_flawed(side, one.runs)
    yield from _wide(side, one.runs)


def release_series(kernel: str) -> str:
    """Return the part of a release that changes with what the kernel counts.

    >>> release_series("6.8.0-1014-azure"), release_series("odd")
    ('6.8', 'odd')
    """
    return ".".join(kernel.split(".")[:2])


def _unknown(side: str, runs: Sequence[Run], metric: Metric) -> Iterator[str]:
    missing = sum(run.size_bytes(metric) is None for run in runs)
    if missing == len(runs):
        yield f"{side} has no {metric.upper()}{_hint(metric)}"
    elif missing:
        without = plural(missing, "run", "runs")
        yield f"{side} has {without} without {metric.upper()}{_hint(metric)}"


def _hint(metric: Metric) -> str:
    is_walked = metric in {Metric.USS, Metric.SWAP}
    return " at the peak, which --exact measures" if is_walked else ""


def _other_machine(base: Sequence[Run], new: Sequence[Run]) -> Iterator[str]:
    kernels = [
        sorted({release_series(run.kernel) for run in runs if run.kernel}) for runs in (base, new)
    ]
    if all(kernels) and kernels[0] != kernels[1]:
        yield f"the kernels differ: Linux {_listed(kernels[0])} and {_listed(kernels[1])}"
    pages = [sorted({run.page_bytes for run in runs if run.page_bytes}) for runs in (base, new)]
    if all(pages) and pages[0] != pages[1]:
        yield f"the sizes of a page differ: {_listed(pages[0])} and {_listed(pages[1])} B"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _other_interval(base: Sequence[Run], new: Sequence[Run]) -> Iterator[str]:
    runs = [run for run in (*base, *new) if run.interval_s]
    if all((run.samples or 0) >= WANTED_SAMPLES for run in runs):
        return
    before = [run.interval_s for run in base if run.interval_s]
    after = [run.interval_s for run in new if run.interval_s]
    if not before or not after:
        return
    longest, shortest = max(*before, *after), min(*before, *after)
    if longest > _MOST_APART * shortest:
        yield (
            f"the intervals are far apart: {_milliseconds(before)} and {_milliseconds(after)}"
            f" between samples, and a run has fewer than {WANTED_SAMPLES}"
        )


def _milliseconds(intervals: Sequence[float]) -> str:
    low, high = min(intervals), max(intervals)
    return f"{1000 * low:.4g} ms" if low == high else f"{1000 * low:.4g} to {1000 * high:.4g} ms"


def _flawed(side: str, runs: Sequence[Run]) -> Iterator[str]:
    flawed = [run.flaw for run in runs if run.flaw is not None]
    spoiled = [flaw for flaw in flawed if flaw.spoils]
    if spoiled:
        yield _flaw_text(side, len(spoiled), len(runs), spoiled[0])
    elif len(flawed) * 2 > len(runs):
        # Of fewer the median does not depend on them alone.
        yield _flaw_text(side, len(flawed), len(runs), flawed[0])


def _wide(side: str, runs: Sequence[Run]) -> Iterator[str]:
    widths = [
        (run.pss_high_bytes - run.pss_low_bytes) / max(1, run.pss_high_bytes)
        for run in runs
        if run.pss_low_bytes is not None and run.pss_high_bytes is not None
    ]
    wide = [width for width in widths if width > _WIDE]
    if wide:
        peaks = plural(len(runs), "peak", "peaks")
        yield (
            f"estimates at {len(wide)} of {peaks} of {side}, with bounds up to"
            f" {100 * max(wide):.0f} % apart: --exact narrows them"
        )


def _some_flawed(side: str, runs: Sequence[Run]) -> Iterator[str]:
    flawed = [run.flaw for run in runs if run.flaw is not None]
    if flawed and not list(_flawed(side, runs)):
        yield _flaw_text(side, len(flawed), len(runs), flawed[0])


def _flaw_text(side: str, count: int, of: int, flaw: Flaw) -> str:
    return f"at {count} of {plural(of, 'peak', 'peaks')} of {side} {flaw}"
