"""Made-up processes and snapshots, for tests of memstat and of programs that embed it."""

from memstat.testing.fake_proc import FakeProc
from memstat.testing.fake_process import FakeProcess
from memstat.testing.memory import private_memory
from memstat.testing.snapshots import snapshot_of

__all__ = ["FakeProc", "FakeProcess", "private_memory", "snapshot_of"]
