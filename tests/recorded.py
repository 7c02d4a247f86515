"""Recordings for tests of what reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from memstat.mappings import Mappings
from memstat.mappings_json import mappings_object
from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.recording.encoder import Encoder
from memstat.recording.header import Gap, Header, Host, header_object
from memstat.recording.loading import Recording
from memstat.recording.reading import Entry
from memstat.results import Mark
from memstat.sampling.sums import add_up
from memstat.testing import snapshot_of

MIB = 1 << 20
BEGAN_S = 1_700_000_000.0
HEADER = Header(
    "0.1.0",
    BEGAN_S,
    0.1,
    Host("node7", kernel="6.18.0", cpus=2, memory_bytes=8 << 30),
    command=("make", "-j2"),
)


def process(
    pid: int,
    name: str,
    size: int | Memory | None,
    *,
    depth: int = 1,
    start_ticks: int = 1,
) -> ProcessSample:
    """Return a process with so many bytes, a half of them anonymous; ``None`` is an ended one."""
    memory = size if isinstance(size, Memory) else Memory()
    if isinstance(size, int):
        memory = Memory(
            pss_bytes=size,
            uss_bytes=size,
            rss_bytes=size,
            pss_anon_bytes=size - size // 2,
            pss_file_bytes=size // 4,
            pss_shmem_bytes=size // 2 - size // 4,
        )
    status = ReadStatus.GONE if size is None else ReadStatus.MEASURED
    key = ProcessKey(pid, start_ticks)
    return ProcessSample(key, name, 1, depth, status, memory, walk_age_s=0.0)


def snapshots(*trees: Iterable[ProcessSample]) -> list[Snapshot]:
    """Return a snapshot of each tree, a tenth of a second apart."""
    return [
        replace(
            snapshot_of({}),
            tick=tick,
            elapsed_s=tick / 10,
            unix_time_s=BEGAN_S + tick / 10,
            processes=tuple(tree),
            total=add_up(tuple(tree)),
        )
        for tick, tree in enumerate(trees)
    ]


def recording_text(
    entries: Iterable[Entry], header: Header = HEADER, summary: Mapping[str, object] | None = None
) -> bytes:
    """Return the text of a recording."""
    return b"".join(
        json.dumps(value).encode() + b"\n" for value in _objects(entries, header, summary)
    )


def recording_of(
    *entries: Entry, header: Header = HEADER, summary: Mapping[str, object] | None = None
) -> Recording:
    """Return a recording of these."""
    text = recording_text(entries, header, summary)
    return Recording("made-up", lambda: iter([text]))


def _objects(
    entries: Iterable[Entry], header: Header, summary: Mapping[str, object] | None
) -> Iterator[Mapping[str, object]]:
    yield header_object(header)
    encoder = Encoder()
    for entry in entries:
        match entry:
            case Snapshot():
                yield encoder.encode(entry)
            case Mark():
                yield {"kind": "mark", "name": entry.name, "elapsed_s": entry.elapsed_s}
            case Mappings():
                yield mappings_object(entry)
            case Gap():
                yield {"kind": "gap", "elapsed_s": entry.elapsed_s, "dropped": entry.dropped}
    if summary is not None:
        yield summary
