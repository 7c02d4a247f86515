"""Measurements of recordings: of each, its peak is one run."""

from __future__ import annotations

import shlex
from dataclasses import replace

from memstat.comparing.measurements import Measurements
from memstat.comparing.peaks import Machine, WalkedPeak, is_walked, run_of
from memstat.recording.loading import load


def measurements_of(path: str) -> tuple[Measurements, ...]:
    """Return the one run that a recording is. Raises RecordingError."""
    recording = load(path)
    header, result, peak = recording.header, recording.result, recording.peak
    command = "" if header.command is None else shlex.join(header.command)
    machine = Machine(header.host.kernel, header.host.page_bytes)
    walked = WalkedPeak()
    if peak is not None and not is_walked(peak.snapshot):
        for snapshot in recording:
            walked.add(snapshot)
    run = run_of(peak, recording.stats, machine, walked)
    if result is not None:
        run = replace(run, duration_s=result.duration_s, exit_status=result.exit_status)
    return (Measurements(command or path, (run,), command, recording.remarks),)
