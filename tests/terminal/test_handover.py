"""Bytes between two threads: nothing lost, nothing twice, bounded, and either side may end it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memstat.terminal.handover import Handover

LONG_S = 60.0


@settings(max_examples=50, deadline=None)
@given(pieces=st.lists(st.binary(max_size=20), max_size=40), batch_bytes=st.integers(1, 64))
def test_all_bytes_arrive_once_and_in_order(pieces: list[bytes], batch_bytes: int) -> None:
    handover = Handover(batch_bytes=batch_bytes, batch_s=0.0)

    def put_all() -> None:
        for piece in pieces:
            assert handover.put(piece)
        handover.end()

    with ThreadPoolExecutor() as threads:
        putting = threads.submit(put_all)
        batches = []
        while (batch := handover.take()) is not None:
            batches.append(batch)
        putting.result()
    assert b"".join(batches) == b"".join(pieces)


def test_putting_waits_while_a_batch_is_full() -> None:
    handover = Handover(batch_bytes=4, batch_s=LONG_S)
    assert handover.put(b"1234")
    done = threading.Event()

    def put_more() -> None:
        assert handover.put(b"5")
        done.set()

    with ThreadPoolExecutor() as threads:
        putting = threads.submit(put_more)
        assert not done.is_set()
        # A full batch is there: it is taken at once, whatever time is left.
        assert handover.take() == b"1234"
        putting.result(timeout=LONG_S)
        handover.end()
    assert handover.take() == b"5"


def test_a_batch_that_is_not_full_is_taken_when_its_time_has_come() -> None:
    handover = Handover(batch_bytes=1 << 20, batch_s=0.01)
    assert handover.put(b"a little")
    assert handover.take() == b"a little"


def test_a_batch_that_becomes_full_is_taken_before_its_time() -> None:
    handover = Handover(batch_bytes=4, batch_s=LONG_S)
    with ThreadPoolExecutor() as threads:
        taking = threads.submit(handover.take)
        for piece in (b"1", b"2", b"3", b"4"):
            assert handover.put(piece)
        assert taking.result(timeout=LONG_S / 2) == b"1234"


@pytest.mark.parametrize("waiting", [b"", b"left"])
def test_after_the_end_what_is_there_may_still_be_taken(waiting: bytes) -> None:
    handover = Handover(batch_bytes=1 << 20, batch_s=LONG_S)
    handover.put(waiting)
    handover.end()
    assert not handover.put(b"too late")
    assert handover.take() == (waiting or None)
    assert handover.take() is None


def test_all_is_taken_when_the_other_side_asks_for_more() -> None:
    handover = Handover(batch_bytes=1, batch_s=0.0)
    handover.put(b"x")
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(handover.wait_until_all_taken, LONG_S)
        assert handover.take() == b"x"
        # It is dealt with still.
        handover.wait_until_all_taken(0.01)
        assert not waiting.done()
        taking = threads.submit(handover.take)
        waiting.result(timeout=LONG_S / 2)
        assert not taking.done()
        handover.end()
        handover.wait_until_all_taken(LONG_S)


def test_an_end_ends_every_wait() -> None:
    full = Handover(batch_bytes=1, batch_s=LONG_S)
    full.put(b"x")
    empty = Handover(batch_bytes=1, batch_s=LONG_S)
    with ThreadPoolExecutor() as threads:
        putting, taking = threads.submit(full.put, b"y"), threads.submit(empty.take)
        full.end()
        empty.end()
        assert putting.result(timeout=LONG_S / 2) is False
        assert taking.result(timeout=LONG_S / 2) is None
