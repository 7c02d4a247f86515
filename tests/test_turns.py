"""Tests that share the machine, and tests that have it alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.turns import Turns

LONG_S = 30


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[[], Turns]]:
    """The turns as one more worker of a run sees them."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(Turns(tmp_path)))


def in_thread(turns: Turns, *, alone: bool) -> tuple[threading.Thread, threading.Event]:
    """Have a turn in another thread; the event says that it has come."""
    came = threading.Event()

    def have() -> None:
        with turns.turn(alone=alone):
            came.set()

    thread = threading.Thread(target=have)
    thread.start()
    return thread, came


def test_tests_run_side_by_side(worker: Callable[[], Turns]) -> None:
    with worker().turn(alone=False), worker().turn(alone=False):
        pass


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
def test_beside_one_that_is_alone_no_other_runs(
    worker: Callable[[], Turns], *, first: bool, second: bool
) -> None:
    with worker().turn(alone=first):
        thread, came = in_thread(worker(), alone=second)
        assert not came.wait(0.05)
    thread.join(LONG_S)
    assert came.is_set()


def test_one_that_is_to_be_alone_is_not_overtaken(worker: Callable[[], Turns]) -> None:
    with ExitStack() as running:
        running.enter_context(worker().turn(alone=False))
        alone, alone_came = in_thread(worker(), alone=True)
        assert not alone_came.wait(0.05)
        late, late_came = in_thread(worker(), alone=False)
        assert not late_came.wait(0.05)
    for thread in (alone, late):
        thread.join(LONG_S)
    assert alone_came.is_set()
    assert late_came.is_set()
