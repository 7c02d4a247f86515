"""Made-up courses of snapshots, and what JSON keeps of one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st

from memstat.jsonlines import line, snapshot_from, snapshot_object
from memstat.model import (
    MEMORY_FIELDS,
    Memory,
    ProcessKey,
    ProcessSample,
    ReadStatus,
    Snapshot,
)
from memstat.recording.decoder import Decoder
from memstat.recording.encoder import Encoder
from memstat.sampling.sums import add_up
from memstat.testing import snapshot_of

SIZES = st.none() | st.integers(0, 3) | st.integers(0, 1 << 40)
MICROS = st.integers(0, 10**6)


@st.composite
def samples(draw: st.DrawFn) -> ProcessSample:
    """Return one of a few processes, in any state."""
    status = draw(st.sampled_from(ReadStatus))
    age = st.none() | st.just(0.0) | MICROS.map(lambda micros: micros / 1e6)
    return ProcessSample(
        ProcessKey(draw(st.integers(1, 6)), draw(st.integers(1, 2))),
        draw(st.sampled_from(["a", "b", '"\x1b\n\u202e', "\\xff"])),
        ppid=draw(st.none() | st.integers(0, 3)),
        depth=draw(st.integers(0, 2)),
        status=status,
        memory=Memory(*[draw(SIZES) for _ in MEMORY_FIELDS]),
        rss_peak_bytes=draw(SIZES),
        command_line=draw(st.none() | st.sampled_from(["a --password x", "b"])),
        reason=draw(st.none() | st.just("why")),
        walk_age_s=draw(age) if status is ReadStatus.MEASURED else None,
        walked_pss_bytes=draw(SIZES),
    )


@st.composite
def courses(draw: st.DrawFn) -> list[Snapshot]:
    """Return snapshots as they may follow each other: most processes stay, some change or go."""
    elapsed_s, course = 0.0, []
    known: list[ProcessSample] = []
    for tick in range(draw(st.integers(1, 8))):
        elapsed_s += draw(st.integers(1, 10**8)) / 1e6
        fresh = draw(st.lists(samples(), max_size=4))
        kept = draw(st.lists(st.sampled_from(known), max_size=5)) if known else []
        walk_s = draw(st.none() | st.just(0.25))
        known = unique([*kept, *fresh] if draw(st.booleans()) else [*fresh, *kept])
        if draw(st.integers(0, 9)) == 0 and known:
            # A PID that was recycled during the sweep.
            key = known[0].key
            known.append(replace(known[0], key=ProcessKey(key.pid, key.start_ticks + 2)))
        course.append(
            replace(
                snapshot_of({}, tick=tick, elapsed_s=elapsed_s),
                unix_time_s=1e9 + elapsed_s,
                walk_s=walk_s,
                total=add_up(known),
                processes=tuple(known),
            )
        )
    return course


def unique(processes: Iterable[ProcessSample]) -> list[ProcessSample]:
    """Return the first with each PID."""
    return [*{process.key.pid: process for process in processes}.values()]


def in_json(snapshot: Snapshot, *, command_lines: bool = False) -> Snapshot:
    """Return what JSON keeps of a snapshot: times to the microsecond."""
    kept = snapshot_from(json.loads(line(snapshot_object(snapshot))))
    if not command_lines:
        return kept
    pairs = zip(kept.processes, snapshot.processes, strict=True)
    return replace(kept, processes=tuple(replace(p, command_line=q.command_line) for p, q in pairs))


def recorded(course: Iterable[Snapshot], *, command_lines: bool = False) -> list[Snapshot]:
    """Return what is read of what was recorded."""
    encoder, decoder = Encoder(command_lines=command_lines), Decoder()
    return [decoder.decode(json.loads(line(encoder.encode(s)))) for s in course]
