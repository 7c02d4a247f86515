"""Made-up courses and recordings."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from memstat.charts.chart import Chart, Heading, Instant, Limit
from memstat.charts.course import Course, course_of
from memstat.charts.joining import moments
from memstat.model import Snapshot
from memstat.recording.encoder import Encoder
from memstat.recording.header import Header, Host, header_object
from memstat.testing import snapshot_of

MIB = 1 << 20
HOSTILE = "</script><img src=x onerror=alert(1)>"
HEADER = Header("0.1.0", 1_700_000_000.0, 0.1, Host("node7", cpus=2), command=("solver",))


def snapshots(
    trees: Iterable[Mapping[int, int]],
    *,
    names: Mapping[int, str] | None = None,
    interval_s: float = 0.1,
) -> list[Snapshot]:
    """Return a snapshot for each tree of PIDs and PSS, so far apart."""
    named = names or {}
    made = []
    for tick, tree in enumerate(trees):
        snapshot = snapshot_of(tree, tick=tick, elapsed_s=round(tick * interval_s, 6))
        processes = tuple(
            replace(process, name=named.get(process.key.pid, process.name), ppid=min(tree))
            for process in snapshot.processes
        )
        made.append(replace(snapshot, processes=processes))
    return made


def course(taken: Sequence[Snapshot], *, most_columns: int = 600) -> Course:
    """Return the course of snapshots."""
    made = course_of(moments(taken, 0.1), most_columns=most_columns)
    assert made is not None
    return made


def chart(taken: Sequence[Snapshot]) -> Chart:
    """Return a chart with a mark and a limit."""
    heading = Heading(HOSTILE, ["node7", "peak 6.00 MiB at 0.1 s"], ["it was cut off"])
    limits = [Limit(8 * MIB, "limit"), Limit(99 << 30, "limit of the control group")]
    return Chart(heading, course(taken), [""], [Instant(0.2, HOSTILE)], limits)


def write_recording(path: Path, taken: Iterable[Snapshot], header: Header = HEADER) -> Path:
    """Write a recording, compressed, that has no summary."""
    encoder = Encoder()
    values = [header_object(header), *(encoder.encode(snapshot) for snapshot in taken)]
    path.write_bytes(gzip.compress(b"".join(json.dumps(one).encode() + b"\n" for one in values)))
    return path
