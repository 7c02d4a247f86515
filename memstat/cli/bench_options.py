"""The options of ``memstat bench`` as one value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memstat.comparing.cases import Case
from memstat.sampling.policy import Policy


class Exports(NamedTuple):
    """Where the measurements are written to; ``None`` is nowhere.

    ``-`` is stdout, and the report is on stderr then.
    """

    json: str | None = None
    """All of each run."""
    csv: str | None = None
    """A row for each run."""
    markdown: str | None = None
    """A table of the commands."""


class BenchOptions(NamedTuple):
    """What was asked for on the command line."""

    cases: Sequence[Case]
    """The commands."""
    runs: int
    """How often each is measured."""
    warmups: int
    """How often each is run before."""
    prepare: str | None
    """What a shell runs before every run."""
    interval_s: float | None
    """Seconds between samples; ``None`` where the warm-up decides."""
    policy: Policy
    """How much processes may be held up."""
    ignore_failure: bool
    """Whether a run that fails counts as any other."""
    show_output: bool
    """Whether the commands print what they print."""
    exports: Exports
    """The files to write."""
