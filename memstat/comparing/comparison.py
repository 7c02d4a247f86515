"""Measurements before and now, side by side, each with its decision. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memstat.comparing.comparability import doubts, obstacles
from memstat.comparing.decision import Decision, Outcome, Rule, decide
from memstat.comparing.growth import Growth, growths
from memstat.comparing.measurements import Measurements, Metric


@dataclass(frozen=True, slots=True)
class Comparison:
    """One command before and now."""

    base: Measurements
    """Before."""
    new: Measurements
    """Now."""
    metric: Metric
    """The size that was judged."""
    decision: Decision | None
    """What the sizes say; ``None`` where one side has none."""
    obstacles: tuple[str, ...] = ()
    """Why they cannot be compared."""
    doubts: tuple[str, ...] = ()
    """What else a reader must know."""
    growths: tuple[Growth, ...] = ()
    """The programs that differ at the peak."""
    is_forced: bool = False
    """Whether the obstacles do not count."""

    @property
    def outcome(self) -> Outcome:
        """What came out, obstacles included."""
        if self.decision is None or (self.obstacles and not self.is_forced):
            return Outcome.NOT_COMPARABLE
        return self.decision.outcome


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Everything that two sets of measurements have in common, and what they have not."""

    pairs: tuple[Comparison, ...]
    """In the order of the new ones."""
    only_base: tuple[str, ...] = ()
    """Names that only the base has."""
    only_new: tuple[str, ...] = ()
    """Names that are new."""

    @property
    def outcome(self) -> Outcome:
        """The worst: a regression before what cannot be compared, an improvement last."""
        outcomes = {pair.outcome for pair in self.pairs}
        for outcome in (Outcome.REGRESSION, Outcome.NOT_COMPARABLE, Outcome.UNCHANGED):
            if outcome in outcomes:
                return outcome
        return Outcome.IMPROVEMENT if outcomes else Outcome.NOT_COMPARABLE


def compare(
    base: Sequence[Measurements],
    new: Sequence[Measurements],
    metric: Metric,
    rule: Rule,
    *,
    force: bool = False,
) -> Comparisons:
    """Return the comparison of what has the same name on both sides.

    Where each side has one command alone, these two are compared, whatever they are called.
    """
    pairs = [*_pairs(base, new)]
    paired = {id(one) for pair in pairs for one in pair}
    return Comparisons(
        tuple(_compare(before, now, metric, rule, force=force) for before, now in pairs),
        tuple(one.name for one in base if id(one) not in paired),
        tuple(one.name for one in new if id(one) not in paired),
    )


def _pairs(
    base: Sequence[Measurements], new: Sequence[Measurements]
) -> Iterator[tuple[Measurements, Measurements]]:
    if len(base) == len(new) == 1:
        yield base[0], new[0]
        return
    named = {one.name: one for one in base}
    yield from ((named[one.name], one) for one in new if one.name in named)


def _compare(
    base: Measurements, new: Measurements, metric: Metric, rule: Rule, *, force: bool
) -> Comparison:
    sizes, new_sizes = base.sizes_bytes(metric), new.sizes_bytes(metric)
    return Comparison(
        base,
        new,
        metric,
        decide(sizes, new_sizes, rule) if sizes and new_sizes else None,
        obstacles(base, new, metric),
        doubts(base, new),
        growths(base, new),
        force,
    )
