"""Contenders that take turns: whatever else the machine does, it does to all of them."""

from __future__ import annotations

import os
import platform
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import NamedTuple


def turns(contenders: Iterable[str], rounds: int) -> Iterator[str]:
    """Yield every contender once a round, each round in another order."""
    shuffle = random.Random(0).shuffle
    order = list(contenders)
    for _ in range(rounds):
        shuffle(order)
        yield from order


class Times:
    """How long each contender took, turn by turn."""

    def __init__(self, contenders: Iterable[str]) -> None:
        self._times_s: dict[str, list[float]] = {contender: [] for contender in contenders}

    @contextmanager
    def of(self, contender: str, clock: Callable[[], float] = time.perf_counter) -> Iterator[None]:
        """Time a block."""
        began_s = clock()
        yield
        self._times_s[contender].append(clock() - began_s)

    def medians_s(self) -> Mapping[str, float]:
        return {contender: median(times_s) for contender, times_s in self._times_s.items()}

    def shortest_s(self) -> Mapping[str, float]:
        """Return what each took when the machine did nothing else."""
        return {contender: min(times_s) for contender, times_s in self._times_s.items()}


def machine() -> str:
    """Return what the figures depend on."""
    return (
        f"{platform.system()} {platform.release()}, {len(os.sched_getaffinity(0))} cores,"
        f" load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return aligned columns: names to the left, figures to the right."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )


class Goal(NamedTuple):
    """What a figure must be, and what it should be."""

    must: float | None
    want: float | None
    is_floor: bool

    def cells(self, figure: float, *, judge: bool = True, digits: int = 2) -> Sequence[str]:
        """Return the cells of a figure and of the goal beside it; an empty one without a goal."""
        text = f"{figure:.{digits}f}"
        if self.must is None or not judge:
            return text, ""
        verdict = "missed"
        if self._is_met(figure, self.want):
            verdict = "met"
        elif self._is_met(figure, self.must):
            verdict = "nearly"
        goals = "/".join(f"{goal:g}" for goal in (self.must, self.want) if goal is not None)
        return text, f"{goals} {verdict}"

    def _is_met(self, figure: float, goal: float | None) -> bool:
        if goal is None:
            return False
        return figure >= goal if self.is_floor else figure <= goal


def at_most(must: float | None = None, want: float | None = None) -> Goal:
    """Return the goal of a figure that is to be small."""
    return Goal(must, want, is_floor=False)


def at_least(must: float | None = None, want: float | None = None) -> Goal:
    """Return the goal of a figure that is to be large."""
    return Goal(must, want, is_floor=True)


def against_goal(ratio: float, goal: float | None) -> Sequence[str]:
    """Return the cells of a ratio and of what it should be at most."""
    return at_most(goal, goal).cells(ratio)
