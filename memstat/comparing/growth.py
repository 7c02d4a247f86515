"""What has grown between two peaks: which program, and which kind of memory. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from memstat.comparing.figures import median
from memstat.comparing.measurements import Measurements, Program, Run
from memstat.comparing.peaks import MOST_PROGRAMS

_NOTHING: Final = Program("", 0, 0, 0, 0, 0)
_LEAST_BYTES: Final = 256 << 10
"""Programs that differ by less are no answer to what has grown."""


class Growth(NamedTuple):
    """One program at both peaks. What was not there had nothing."""

    name: str
    """Not safe to print as it is."""
    base: Program
    """What it had."""
    new: Program
    """What it has."""

    @property
    def pss_bytes(self) -> int:
        """How much more its processes have in sum."""
        return self.new.pss_bytes - self.base.pss_bytes

    @property
    def parts_bytes(self) -> tuple[int | None, int | None, int | None]:
        """How much of that is anonymous, of files, and shared memory; ``None`` where unknown."""
        return (
            _less(self.new.pss_anon_bytes, self.base.pss_anon_bytes),
            _less(self.new.pss_file_bytes, self.base.pss_file_bytes),
            _less(self.new.pss_shmem_bytes, self.base.pss_shmem_bytes),
        )


def _less(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one - other


def growths(base: Measurements, new: Measurements) -> tuple[Growth, ...]:
    """Return the programs that differ, that with the largest difference first.

    Each side is seen in the run with the peak that is nearest to the median.
    """
    before, after = typical(base.runs), typical(new.runs)
    if before is None or after is None:
        return ()
    were = {program.name: program for program in before.programs}
    are = {program.name: program for program in after.programs}
    found = [
        Growth(name, were.get(name, _NOTHING), are.get(name, _NOTHING))
        for name in {**were, **are}
        if _is_known(name, were) and _is_known(name, are)
    ]
    found.sort(key=lambda growth: (-abs(growth.pss_bytes), growth.name))
    return tuple(growth for growth in found if abs(growth.pss_bytes) >= _LEAST_BYTES)


def _is_known(name: str, programs: Mapping[str, Program]) -> bool:
    """Whether it is known what a program had: of very many, the smallest were not kept."""
    return name in programs or len(programs) < MOST_PROGRAMS


def typical(runs: Sequence[Run]) -> Run | None:
    """Return the run with the peak nearest to the median, of those that say what it consisted of.

    >>> typical([Run(pss_bytes=5, programs=(_NOTHING,)), Run(pss_bytes=6)]).pss_bytes
    5
    """
    middle = median([run.pss_bytes for run in runs if run.pss_bytes is not None] or [0])
    detailed = [run for run in runs if run.programs and run.pss_bytes is not None]
    return min(
        detailed,
        key=lambda run: abs((run.pss_bytes or 0) - middle),
        default=None,
    )
