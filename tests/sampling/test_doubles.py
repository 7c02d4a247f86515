"""Processes that use one address space."""

from __future__ import annotations

import time

from memstat.model import ReadStatus
from memstat.proc.tree import Node
from memstat.sampling.doubles import Doubles
from memstat.sampling.tracked import Tracked
from memstat.testing import FakeProc, FakeProcess


def tracked_of(proc: FakeProc, process: FakeProcess) -> Tracked:
    node = Node(process.key, process.name, 0)
    return Tracked(node, proc, None, command_line=False, clock=time.monotonic)


def test_one_that_ends_between_two_comparisons_is_the_double_of_none() -> None:
    proc = FakeProc()
    parent = proc.start("server", 4096)
    child = parent.fork()
    tracked = [tracked_of(proc, one) for one in (parent, child)]
    for one in tracked:
        one.look(with_faults=True, with_parent=True)
    answers = iter([1])
    # kcmp(2) fails for a process that has ended: ESRCH.
    Doubles(lambda *_: next(answers, None)).mark(tracked)
    assert [one.status for one in tracked] == [ReadStatus.MEASURED] * 2
