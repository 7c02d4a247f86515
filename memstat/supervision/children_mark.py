"""The kernel's mark of the RSS of the children that this process has waited for."""

from __future__ import annotations

import resource

from memstat.sampling.floor import is_clearly_more
from memstat.units import KIB


class ChildrenMark:
    """Made just after a command was started, it knows later what its processes reached.

    ``ru_maxrss`` of getrusage(2) is the largest RSS of any child, and of their children, that was
    waited for. A child inherits the mark of the process that starts it (execve(2) keeps it): only
    what is more than our own shows something.
    """

    def __init__(self) -> None:
        self._before_bytes = _mark_bytes(resource.RUSAGE_CHILDREN)
        self._own_bytes = _mark_bytes(resource.RUSAGE_SELF)

    def reached_bytes(self) -> int | None:
        """Return what a process that was waited for since then has reached, if that is known."""
        now_bytes = _mark_bytes(resource.RUSAGE_CHILDREN)
        if now_bytes <= self._before_bytes or not is_clearly_more(now_bytes, self._own_bytes):
            return None
        return now_bytes


def _mark_bytes(which: int) -> int:
    return resource.getrusage(which).ru_maxrss * KIB
