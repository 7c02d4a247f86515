"""The exit statuses of ``memstat``."""

from __future__ import annotations

from enum import IntEnum
from signal import SIGINT
from typing import Final

from memstat.errors import NOT_EXECUTABLE, NOT_FOUND, OWN_FAILURE

_SIGNAL_BASE: Final = 128


class ExitStatus(IntEnum):
    """What memstat exits with; a command that ``run`` started and that ended passes its own on.

    From 124 on these are the statuses of timeout(1) and env(1), which leave the rest to commands.
    """

    OK = 0
    FAILURE = 1
    """A target of ``get`` does not exist or cannot be read, a run of ``bench`` failed, or a result
    could not be written."""
    REGRESSION = 1
    """``compare``: something uses more than before."""
    USAGE = 2
    """Arguments that make no sense, except those of ``run``; whatever else keeps ``compare`` from
    an answer."""
    NOT_COMPARABLE = 3
    """``compare``: what it was given was not measured alike."""
    LIMIT_EXCEEDED = 124
    """The command used more than ``--max-pss``."""
    OWN_FAILURE = OWN_FAILURE
    """``run`` itself failed, was used wrongly, or took fewer samples than ``--min-samples``."""
    NOT_EXECUTABLE = NOT_EXECUTABLE
    """The command was found and could not be executed."""
    NOT_FOUND = NOT_FOUND
    """The command was not found."""
    INTERRUPTED = _SIGNAL_BASE + SIGINT
    """Ctrl+C."""


def stopped_by(signum: int) -> int:
    """Return the status after a signal.

    >>> stopped_by(2) == ExitStatus.INTERRUPTED
    True
    """
    return _SIGNAL_BASE + signum
