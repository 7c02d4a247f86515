"""The pure parts of sidecars."""

from __future__ import annotations

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memstat.jsonlines import line, snapshot_from, snapshot_object
from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.results import Peak
from memstat.sampling.policy import Policy
from memstat.sidecars import protocol
from memstat.sidecars.outbox import Outbox
from memstat.sidecars.protocol import StartRequest
from memstat.sidecars.record import Record
from memstat.testing import snapshot_of

sizes = st.none() | st.integers(0, 1 << 50)
seconds = st.integers(0, 1 << 40).map(lambda us: us / 1_000_000)
memories = st.builds(Memory, sizes, sizes, sizes, sizes, sizes, sizes, sizes)
keys = st.builds(ProcessKey, st.integers(1, 1 << 22), st.integers(0, 1 << 40))
samples = st.builds(
    ProcessSample,
    key=keys,
    name=st.text(max_size=15),
    ppid=st.none() | st.integers(0, 1 << 22),
    depth=st.integers(0, 40),
    status=st.sampled_from(ReadStatus),
    memory=memories,
    rss_peak_bytes=sizes,
)
snapshots = st.builds(
    Snapshot,
    tick=st.integers(0, 1 << 40),
    unix_time_s=st.integers(0, 4_000_000_000_000_000).map(lambda us: us / 1_000_000),
    elapsed_s=seconds,
    late_s=seconds,
    missed_ticks=st.integers(0, 1 << 40),
    sweep_s=seconds,
    complete=st.booleans(),
    total=memories,
    processes=st.lists(samples, max_size=4).map(tuple),
)


@given(snapshots)
def test_a_snapshot_is_the_same_after_json(snapshot: Snapshot) -> None:
    assert snapshot_from(json.loads(line(snapshot_object(snapshot)))) == snapshot


@pytest.mark.parametrize(
    "change", [{"tick": "many"}, {"time": "noon"}, {"processes": [{}]}, {"total": None}]
)
def test_an_object_that_is_not_a_snapshot_is_an_error(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a snapshot"):
        snapshot_from({**snapshot_object(snapshot_of({7: 4096})), **change})


@given(
    st.builds(
        StartRequest,
        keys,
        keys,
        st.booleans(),
        st.none() | st.floats(0.001, 100),
        st.builds(Policy, st.floats(0, 1), st.booleans()),
    )
)
def test_a_start_request_is_the_same_after_its_line(request: StartRequest) -> None:
    assert request.encode().endswith(b"\n")
    assert StartRequest.decode(request.encode()) == request


@pytest.mark.parametrize("text", [b"", b"Fatal Python error", b"[1]", b"7", b"{}", b"\xff"])
def test_a_line_that_is_not_a_message_has_no_message(text: bytes) -> None:
    assert protocol.decode(text) is None


PHASE_ENDS = -1


@given(
    st.lists(st.integers(PHASE_ENDS, 50), max_size=60),
    st.integers(0, 200),
    st.integers(1, 40),
)
def test_an_outbox_keeps_order_phases_and_the_peak_of_each(
    totals: list[int], most_bytes: int, chunk: int
) -> None:
    outbox = Outbox(most_bytes)
    written = b""
    for number, total in enumerate(totals):
        if total == PHASE_ENDS:
            outbox.put(b"phase\n")
        else:
            outbox.put(b"%d\n" % total, total)
        if number % 7 == 6:
            written += write_some(outbox, chunk)
    while outbox.head:
        written += write_some(outbox, chunk)
    lines = written.decode().splitlines()
    assert [max(phase, default=None) for phase in phases(lines)] == [
        max(phase, default=None)
        for phase in phases(["phase" if t == PHASE_ENDS else str(t) for t in totals])
    ]


def write_some(outbox: Outbox, chunk: int) -> bytes:
    data = outbox.head[:chunk]
    outbox.sent(len(data))
    return data


def phases(lines: list[str]) -> list[list[int]]:
    found: list[list[int]] = [[]]
    for text in lines:
        if text == "phase":
            found.append([])
        else:
            found[-1].append(int(text))
    return found


def test_an_outbox_is_bounded_however_long_it_is_not_read() -> None:
    outbox = Outbox(most_bytes=1000)
    for total in range(10_000):
        outbox.put(b"x" * 50, total)
    lines = 0
    while head := outbox.head:
        outbox.sent(len(head))
        lines += 1
    assert lines <= 1000 // 50


def test_an_outbox_within_bounds_drops_nothing() -> None:
    outbox = Outbox(most_bytes=1000)
    for total in range(20):
        outbox.put(b"x" * 50, total)
    lines = 0
    while head := outbox.head:
        outbox.sent(len(head))
        lines += 1
    assert lines == 20


def pss(peak: Peak | None) -> int | None:
    return None if peak is None else peak.pss_bytes


def test_a_record_follows_the_log() -> None:
    record = Record(0.1, keep_snapshots=2)
    record.take({"kind": "started", "monotonic_s": 5.0})
    record.take_snapshot(snapshot_of({7: 30}, elapsed_s=0.1))
    for name in ("first", "second"):
        record.at_boundary(partial(record.tally.mark, name))
    record.at_boundary(record.tally.reset)
    record.take_snapshot(snapshot_of({7: 10}, elapsed_s=0.2))
    for elapsed_s in (0.25, 0.26, 0.3):
        record.take({"kind": "boundary", "elapsed_s": elapsed_s})
        record.take({"kind": "done"})
    record.take_snapshot(snapshot_of({7: 20}, elapsed_s=0.4))
    record.take({"kind": "end"})
    assert [(m.name, pss(m.peak)) for m in record.tally.marks] == [("first", 30), ("second", None)]
    assert pss(record.tally.peak) == 20
    assert [snapshot.total.pss_bytes for snapshot in record.snapshots] == [10, 20]
    assert (record.started_s, record.done, record.has_ended) == (5.0, 3, True)
    assert record.tally.stats.samples == 3


def test_a_restarted_record_forgets_everything_before() -> None:
    record = Record(0.1, keep_snapshots=None)
    record.take_snapshot(snapshot_of({7: 30}, elapsed_s=0.1))
    record.tally.mark("before", 0.15)
    record.at_boundary(record.restart)
    record.take({"kind": "boundary", "elapsed_s": 0.2})
    assert record.tally.peak is None
    record.take_snapshot(snapshot_of({7: 20}, elapsed_s=0.3))
    assert (record.tally.marks, pss(record.tally.peak)) == ((), 20)
    assert pss(record.tally.mark("after", 0.4).peak) == 20
    assert (record.tally.stats.samples, len(record.snapshots)) == (1, 1)


def test_a_record_that_took_in_nothing_begins_later_all_the_same() -> None:
    record = Record(0.1, keep_snapshots=None)
    record.restart(0.1)
    record.restart(0.2)
    record.take_snapshot(snapshot_of({7: 30}, elapsed_s=0.15))
    assert record.tally.peak is record.tally.whole_peak is None
    record.take_snapshot(snapshot_of({7: 20}, elapsed_s=0.25))
    assert pss(record.tally.whole_peak) == pss(record.tally.mark("all", 0.3).peak) == 20
    record.restart(0.4)
    assert record.tally.marks == ()
    record.tally.mark("without a snapshot", 0.5)
    record.restart(0.6)
    assert record.tally.marks == ()
