"""A recording for each test, in a directory.

Its files are written by this process, through the functions that ``os`` had before any test.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Final

from memstat.jsonlines import watch_summary
from memstat.model import Snapshot
from memstat.proc.system import system
from memstat.recording.header import Header
from memstat.recording.record import make_header
from memstat.recording.script import Script
from memstat.results import Mark
from memstat.sampling.rate import FASTEST_S
from memstat.sampling.tally import Tally

_BATCH: Final = 50
"""Snapshots that are written at once."""
_MOST_CHARACTERS: Final = 120
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


def file_name(test: str, run: int) -> str:
    """Return the name of the file of a test, by its id and how often it was run before.

    >>> file_name("tests/test_a.py::test_b[../x]", 0)
    'tests_test_a.py_test_b_.._x-1c9af4.jsonl.gz'
    """
    safe = re.sub(r"[^\w.=-]+", "_", test, flags=re.ASCII).strip("_.")[:_MOST_CHARACTERS]
    digest = hashlib.sha256(os.fsencode(test)).hexdigest()[:6]
    again = f"-{run + 1}" if run else ""
    return f"{safe}-{digest}{again}.jsonl.gz"


class TestRecordings:
    """Records the snapshots of one test after the other; a sidecar's log may come in a thread."""

    __test__ = False

    def __init__(self, directory: Path) -> None:
        self.failure: str | None = None
        """Why nothing is recorded any more; ``None`` while all is well."""
        self._directory = directory
        self._lock = threading.Lock()
        self._waiting: list[Snapshot | Mark] | None = None
        """What is still to be written; ``None`` between two tests."""
        self._runs: dict[str, int] = {}
        self._header: Header | None = None
        self._script: Script | None = None
        self._first_s = 0.0
        self._fd: int | None = None

    def prepare(self) -> None:
        """Keep the snapshots that come, before it is known which belong to the next test."""
        with self._lock:
            self._close()
            self._waiting = []

    def begin(self, test: str, tally: Tally) -> None:
        """Begin the recording of a test with the snapshots that the tally has of it."""
        with self._lock:
            waiting = self._waiting or []
            self._waiting = waiting[len(waiting) - min(tally.samples, len(waiting)) :]
            self._first_s = 0.0 if tally.latest is None else tally.latest.elapsed_s
            self._waiting.append(Mark(test, self._first_s, None))
            self._script = script = Script(self._header_of_now(), packs=True)
            try:
                self._fd = system.open(self._path(test), _FLAGS, 0o600)
            except OSError as error:
                self._fail(error)
            self._write(script.begin())

    def take(self, snapshot: Snapshot) -> None:
        """Take in the next snapshot."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.append(snapshot)
                if self._script is not None and len(self._waiting) >= _BATCH:
                    self._flush(is_last=False)

    def end(self, tally: Tally) -> None:
        """End the recording of the test, with what it adds up to."""
        with self._lock:
            if self._script is not None and self._waiting is not None:
                self._flush(is_last=True)
                latest_s = self._first_s if tally.latest is None else tally.latest.elapsed_s
                summary = watch_summary(tally.stats, tally.whole_peak, latest_s - self._first_s)
                self._write(self._script.end(summary))
            self._close()

    def close(self) -> None:
        """Leave the recording of a test that could not be measured as it is."""
        with self._lock:
            self._close()

    def _flush(self, *, is_last: bool) -> None:
        assert self._script is not None
        waiting, self._waiting = self._waiting or [], []
        self._write(self._script.go_on(waiting, is_last))

    def _write(self, data: bytes) -> None:
        try:
            while data and self._fd is not None:
                data = data[system.write(self._fd, data) :]
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.failure = f"cannot write to {self._directory}: {error.strerror}"
        self._close()

    def _close(self) -> None:
        self._script = self._waiting = None
        if self._fd is not None:
            system.close(self._fd)
            self._fd = None

    def _path(self, test: str) -> str:
        run = self._runs.get(test, 0)
        self._runs[test] = run + 1
        return str(self._directory / file_name(test, run))

    def _header_of_now(self) -> Header:
        # What the machine is need be read only once.
        if self._header is None:
            self._header = make_header(
                interval_s=FASTEST_S, recursive=True, arguments=False, targets=[system.getpid()]
            )
        return replace(self._header, unix_time_s=system.unix_time_s(), targets=(system.getpid(),))
