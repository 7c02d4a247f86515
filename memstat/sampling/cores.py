"""The cores that reader threads may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def cores() -> list[int]:
    """Return the CPUs that the calling thread may run on."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def kept_on(core: int) -> Iterator[None]:
    """Keep the calling thread on one CPU inside the block.

    Left to the scheduler, two readers that wake each other for the GIL end up on one CPU and take
    turns there, in virtual machines for a whole sweep: it then takes half as long again.
    """
    allowed = os.sched_getaffinity(0)
    # The CPU may have left our cpuset since: then the thread stays where it may run.
    with suppress(OSError):
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, allowed)
