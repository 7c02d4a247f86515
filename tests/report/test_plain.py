"""The line format."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memstat.model import Memory, ProcessKey, ProcessSample, ReadStatus, Snapshot
from memstat.report.plain import block
from memstat.testing import private_memory, snapshot_of

UNKNOWN = Memory()


def showing(*processes: ProcessSample, total: int | None) -> Snapshot:
    return replace(snapshot_of({}), processes=processes, total=Memory(pss_bytes=total))


def one(status: ReadStatus, memory: Memory = UNKNOWN, *, name: str = "a") -> ProcessSample:
    return ProcessSample(ProcessKey(7, 1), name, 1, 0, status, memory)


MEASURED = one(ReadStatus.MEASURED, private_memory(2048))


def test_a_tree_is_indented_by_two_spaces_a_level() -> None:
    tree = showing(
        MEASURED,
        replace(MEASURED, key=ProcessKey(8, 1), depth=1, name="b"),
        replace(MEASURED, key=ProcessKey(9, 1), depth=2, name="c d"),
        replace(MEASURED, key=ProcessKey(10, 1), depth=1, name="e"),
        total=8192,
    )
    assert block(tree, verbose=True, in_bytes=False) == (
        "[7] 2 kB (a)\n  [8] 2 kB (b)\n    [9] 2 kB (c d)\n  [10] 2 kB (e)\nTotal: 8 kB"
    )
    assert block(tree, verbose=True, in_bytes=True) == (
        "[7] 2048 (a)\n  [8] 2048 (b)\n    [9] 2048 (c d)\n  [10] 2048 (e)\n8192"
    )


def test_without_detail_there_is_the_total_alone() -> None:
    assert block(showing(MEASURED, total=2048), verbose=False, in_bytes=False) == "Total: 2 kB"
    assert block(showing(MEASURED, total=2048), verbose=False, in_bytes=True) == "2048"


@pytest.mark.parametrize(
    ("process", "line"),
    [
        (one(ReadStatus.DENIED, Memory(rss_bytes=4096)), "[7] denied, RSS 4 kB (a)"),
        (one(ReadStatus.DENIED), "[7] denied (a)"),
        (
            replace(one(ReadStatus.UNREADABLE), reason="no\x1b memory"),
            "[7] unreadable: no\\x1b memory (a)",
        ),
        (one(ReadStatus.GONE), "[7] gone (a)"),
        (one(ReadStatus.NO_MEMORY), "[7] no memory (a)"),
        (one(ReadStatus.MEASURED, Memory(pss_bytes=0)), "[7] 0 kB (a)"),
        (one(ReadStatus.NO_MEMORY, name="a) \n\x1b[31m"), r"[7] no memory (a) \n\x1b[31m)"),
    ],
)
def test_every_status_has_its_words(process: ProcessSample, line: str) -> None:
    assert block(showing(process, total=0), verbose=True, in_bytes=False) == f"{line}\nTotal: 0 kB"


def test_the_rss_of_a_denied_process_is_in_bytes_where_all_is() -> None:
    denied = one(ReadStatus.DENIED, Memory(rss_bytes=4096))
    text = block(showing(denied, total=None), verbose=True, in_bytes=True)
    assert text == "[7] denied, RSS 4096 (a)\nunknown"


def test_an_unknown_total_is_shown_as_unknown() -> None:
    assert block(showing(total=None), verbose=False, in_bytes=False) == "Total: unknown"


def test_part_of_a_kilobyte_is_cut() -> None:
    assert block(showing(total=2047), verbose=False, in_bytes=False) == "Total: 1 kB"


ESTIMATED = Memory(pss_bytes=2 << 20, pss_low_bytes=1 << 20, pss_high_bytes=3 << 20)


def test_an_estimate_is_marked_but_where_numbers_are_bare() -> None:
    glanced = replace(showing(one(ReadStatus.MEASURED, ESTIMATED), total=0), total=ESTIMATED)
    assert block(glanced, verbose=True, in_bytes=False) == "[7] ~2048 kB (a)\nTotal: ~2048 kB"
    assert block(glanced, verbose=True, in_bytes=True) == "[7] 2097152 (a)\n2097152"


def test_the_rss_of_a_denied_process_is_no_estimate() -> None:
    bounded = Memory(rss_bytes=4096, pss_low_bytes=0, pss_high_bytes=4096)
    denied = showing(one(ReadStatus.DENIED, bounded), total=None)
    assert block(denied, verbose=True, in_bytes=False) == (
        "[7] denied, RSS 4 kB (a)\nTotal: unknown"
    )
