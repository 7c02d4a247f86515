"""The options of ``memstat run`` as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from memstat.cli.options import RecordOptions
from memstat.report.ending import RunStyle
from memstat.report.formats import Format, OnExceed, PeakMode
from memstat.report.view_options import ViewOptions
from memstat.sampling.policy import Policy
from memstat.supervision.signal_plan import ForwardingPolicy


class Paths(NamedTuple):
    """Where output is to go. ``-`` is the stream as it is, as are ``/dev/stdout`` and others."""

    stdout: str | None = None
    """The command's stdout; ``None`` to leave it."""
    stderr: str | None = None
    """The command's stderr; ``None`` to leave it."""
    report: str | None = None
    """The report of memstat; ``None`` for stderr or stdout."""
    append: bool = False
    """Whether files keep what they hold."""

    @property
    def by_option(self) -> Mapping[str, str | None]:
        """The same by the options that name them."""
        return {"-O": self.stdout, "-E": self.stderr, "--report": self.report}


class RunOptions(NamedTuple):
    """What was asked for on the command line."""

    command: Sequence[str]
    """The command and its arguments."""
    recursive: bool
    """Whether its descendants are measured too."""
    wait_all: bool
    """Whether to measure until the last of them has ended."""
    interval_s: float | None
    """Seconds between ticks; ``None`` where the rate is free."""
    policy: Policy
    """How much processes may be held up."""
    format: Format
    """The form of the report."""
    peak: PeakMode
    """Whether the report shows the peak."""
    no_live: bool
    """Whether a terminal gets plain lines as a pipe does."""
    paths: Paths
    """The files that the output of the command and the report go to."""
    kill_after_s: float
    """Seconds from a request to end until the tree is killed."""
    max_pss_bytes: int | None
    """The limit; ``None`` without one."""
    on_exceed: OnExceed
    """What to do when it is exceeded."""
    min_samples: int | None
    """The fewest samples that are enough; ``None`` when any are."""
    forward: ForwardingPolicy = "auto"
    """Which signals are passed on to the command."""
    view: ViewOptions = ViewOptions()
    """How the live table is to be shown."""
    recording: RecordOptions | None = None
    """What is to be recorded; ``None``: nothing."""

    @property
    def records_arguments(self) -> bool:
        """Whether the arguments of commands are to be recorded."""
        return self.recording is not None and self.recording.arguments

    def style(self, *, is_on_terminal: bool) -> RunStyle:
        """Return the style of the report; on a terminal it may be another than in a pipe."""
        in_file = self.paths.report is not None
        wants_form_of_terminal = (
            is_on_terminal and not in_file and not self.no_live and self.peak != "only"
        )
        return RunStyle(
            format=self.format.on_terminal if wants_form_of_terminal else self.format,
            peak=self.peak,
            on_exceed=self.on_exceed,
            in_file=in_file,
        )
