"""Fake processes and snapshots, for tests of memstat and of programs that embed it."""

from memstat.testing.fake_proc import FakeProc
from memstat.testing.fake_process import FakeProcess
from memstat.testing.snapshots import private_memory, snapshot_of

__all__ = ["FakeProc", "FakeProcess", "private_memory", "snapshot_of"]
