"""The pure parts of recordings: names, the backlog, the header."""

from __future__ import annotations

import gzip
import json
import os

import pytest

import memstat
from memstat.jsonlines import line
from memstat.proc.host import host_facts
from memstat.recording.backlog import Backlog
from memstat.recording.header import Gap, Header, Host, header_from, header_object
from memstat.recording.members import Fault, lines_of, packed
from memstat.recording.naming import expand
from memstat.results import Mark
from memstat.testing import snapshot_of


def test_a_name_has_what_differs_between_the_processes_of_a_job() -> None:
    def name(text: str) -> str:
        return expand(text, pid=7, host="a/b", unix_time_s=1e9)

    assert name("mem-%h-%p-%t.gz") == "mem-a_b-7-20010909T014640Z.gz"
    assert name("100%%p") == "100%p"
    for wrong in ("%", "a%n", "%\n"):
        with pytest.raises(memstat.RecordingError, match="%p, %h, %t or %%"):
            name(wrong)


def test_a_backlog_that_is_full_keeps_marks_and_one_gap() -> None:
    backlog, mark = Backlog(most_samples=5), Mark("m", 2.5, None)
    course = [snapshot_of({1: 1, 2: 1}, elapsed_s=at) for at in range(6)]
    for snapshot in course[:4]:
        backlog.add(snapshot)
    backlog.add(mark)
    backlog.add(course[4])
    assert backlog.take() == [course[0], course[1], Gap(2.0, 3), mark]
    assert backlog.is_empty
    backlog.add(course[5])
    assert (backlog.take(), backlog.dropped) == ([course[5]], 3)


def test_one_snapshot_fits_however_large_it_is() -> None:
    backlog, large = Backlog(most_samples=1), snapshot_of({1: 1, 2: 1})
    backlog.add(large)
    assert backlog.take() == [large]


def test_a_header_is_read_as_it_was_written() -> None:
    header = Header(
        "0.1.0",
        1e9 + 0.25,
        0.1,
        Host(**host_facts()._asdict()),
        command=("a", "b"),
        recursive=False,
        arguments=True,
    )
    assert header_from(json.loads(line(header_object(header)))) == header
    assert header.host.name == os.uname().nodename
    assert (header.host.memory_bytes or 0) > 1 << 20


def test_members_are_read_however_they_are_cut_into_chunks() -> None:
    text = b"".join(b"%d\n" % number for number in range(1000))
    data = packed(text[:1000]) + packed(b"") + packed(text[1000:])
    for size in (1, 7, 4096):
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        assert [*lines_of(chunks)] == text.splitlines()
    assert gzip.decompress(data) == text


def test_after_a_damaged_member_the_next_one_is_found() -> None:
    members = [packed(b"%d\n" % number) for number in range(4)]
    damaged = members[1][:10] + b"\xff" * (len(members[1]) - 10)
    data = members[0] + damaged + members[2] + b"garbage" + members[3]
    for size in (1, 5, 4096):
        chunks = [data[at : at + size] for at in range(0, len(data), size)]
        assert [*lines_of(chunks)] == [b"0", Fault.DAMAGED, b"2", Fault.DAMAGED, b"3"]
