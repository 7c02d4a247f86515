"""A recorder that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.targets import memstat_path, python


@contextmanager
def killed_recorder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Record a command that sleeps, until the block kills the recorder; then the command ends."""
    command = python("import time; print(flush=True); time.sleep(60)")
    with subprocess.Popen(
        [memstat_path(), "run", "-r", "--record", str(path), "--", *command],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as recorder:
        try:
            assert recorder.stdout is not None
            recorder.stdout.readline()
            yield recorder
        finally:
            recorder.kill()
            # The command is the leader's group, which memstat has left.
            with suppress(ProcessLookupError):
                os.killpg(recorder.pid, signal.SIGKILL)
