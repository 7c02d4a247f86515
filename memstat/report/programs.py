"""The largest memory of each program in a recording: its processes together, and one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from memstat.model import Memory, ProcessKey, ProcessSample, Snapshot
from memstat.recording.following import Follower
from memstat.report.entries import kind_of


class ProgramPeak(NamedTuple):
    """What the processes of one name had at most."""

    name: str
    """Not safe to print. Names that differ by a number at their end alone are one: ``worker-*``."""
    processes: int
    """How many there were, one after the other and at once."""
    together: Memory
    """The largest sum of their PSS in one snapshot, with the bounds that it had there."""
    elapsed_s: float
    """When that was."""
    largest: Memory
    """The largest PSS that one of them had, likewise."""


class _Bounds(NamedTuple):
    """A PSS and its bounds; all 0 where it is not known."""

    best: int = 0
    low: int = 0
    high: int = 0

    def memory(self) -> Memory:
        return Memory(pss_bytes=self.best, pss_low_bytes=self.low, pss_high_bytes=self.high)


_NOTHING = _Bounds()


@dataclass(slots=True)
class _Program:
    names: set[str] = field(default_factory=set)
    """Up to two of them."""
    processes: int = 0
    best: int = 0
    low: int = 0
    high: int = 0
    """The sums in the last snapshot."""
    together: _Bounds = _NOTHING
    elapsed_s: float = 0.0
    largest: _Bounds = _NOTHING


class _Process(NamedTuple):
    """A process in the last snapshot."""

    bounds: _Bounds
    program: _Program


class Programs:
    """Follows the programs from snapshot to snapshot: what has not changed costs little.

    >>> from memstat.testing import snapshot_of
    >>> programs = Programs()
    >>> programs.add(snapshot_of({7: 4096, 8: 2048}))
    >>> [(peak.name, peak.processes, peak.together.pss_bytes) for peak in programs.peaks()]
    [('p*', 2, 6144)]
    """

    def __init__(self) -> None:
        self._programs: dict[str, _Program] = {}
        self._processes: dict[ProcessKey, _Process] = {}
        self._follower = Follower()

    def add(self, snapshot: Snapshot) -> None:
        """Take in the next snapshot."""
        changed, ended = self._follower.step(snapshot)
        for key in ended:
            known = self._processes.pop(key)
            _add(known.program, _NOTHING, known.bounds)
        for process in changed:
            self._change(process)
        for program in {id(p): p for p in map(self._program_of, changed)}.values():
            if program.best > program.together.best:
                program.together = _Bounds(program.best, program.low, program.high)
                program.elapsed_s = snapshot.elapsed_s

    def peaks(self) -> Sequence[ProgramPeak]:
        """Return the programs of which any memory is known, the largest first."""
        found = [
            ProgramPeak(
                name=next(iter(program.names)) if len(program.names) == 1 else f"{kind}*",
                processes=program.processes,
                together=program.together.memory(),
                elapsed_s=program.elapsed_s,
                largest=program.largest.memory(),
            )
            for kind, program in self._programs.items()
            if program.together.best
        ]
        return sorted(found, key=lambda peak: (-(peak.together.pss_bytes or 0), peak.name))

    def _program_of(self, process: ProcessSample) -> _Program:
        return self._processes[process.key].program

    def _change(self, process: ProcessSample) -> None:
        """Take in a process that has come or changed."""
        known = self._processes.get(process.key)
        program = self._programs.setdefault(kind_of(process.name), _Program())
        if len(program.names) < 2:
            program.names.add(process.name)
        bounds = _bounds_of(process.memory)
        if known is None or known.program is not program:
            program.processes += 1
        if known is not None:
            _add(known.program, _NOTHING, known.bounds)
        _add(program, bounds, _NOTHING)
        program.largest = max(program.largest, bounds)
        self._processes[process.key] = _Process(bounds, program)


def _bounds_of(memory: Memory) -> _Bounds:
    if memory.pss_bytes is None:
        return _NOTHING
    return _Bounds(memory.pss_bytes, memory.pss_low_bytes or 0, memory.pss_high_bytes or 0)


def _add(program: _Program, more: _Bounds, less: _Bounds) -> None:
    program.best += more.best - less.best
    program.low += more.low - less.low
    program.high += more.high - less.high
