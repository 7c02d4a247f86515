"""Tests that share the machine, and tests that have it alone, or with few."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import permutations
from pathlib import Path

import pytest

from tests.turns import Company, Turns

LONG_S = 30


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[[], Turns]]:
    """The turns as one more worker of a run sees them."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(Turns(tmp_path)))


def in_thread(turns: Turns, company: Company) -> tuple[threading.Thread, threading.Event]:
    """Have a turn in another thread; the event says that it has come."""
    came = threading.Event()

    def have() -> None:
        with turns.turn(company):
            came.set()

    thread = threading.Thread(target=have)
    thread.start()
    return thread, came


@pytest.mark.parametrize("company", [Company.ANY, Company.CALM])
def test_tests_of_a_kind_run_side_by_side(worker: Callable[[], Turns], company: Company) -> None:
    with worker().turn(company), worker().turn(company):
        pass


APART = [*permutations(Company, 2), (Company.NONE, Company.NONE)]


@pytest.mark.parametrize(("first", "second"), APART)
def test_beside_one_of_another_kind_or_alone_no_other_runs(
    worker: Callable[[], Turns], first: Company, second: Company
) -> None:
    with worker().turn(first):
        thread, came = in_thread(worker(), second)
        assert not came.wait(0.05)
    thread.join(LONG_S)
    assert came.is_set()


@pytest.mark.parametrize(("kept", "other"), APART)
def test_a_turn_lasts_until_a_test_of_another_kind_follows(
    worker: Callable[[], Turns], kept: Company, other: Company
) -> None:
    ours = worker()
    with ours.turn(kept, following=kept):
        pass
    thread, came = in_thread(worker(), other)
    assert not came.wait(0.05)
    with ours.turn(kept, following=other if other is not kept else None):
        pass
    thread.join(LONG_S)
    assert came.is_set()


@pytest.mark.parametrize("company", [Company.CALM, Company.NONE])
def test_one_that_waits_for_the_others_to_end_is_not_overtaken(
    worker: Callable[[], Turns], company: Company
) -> None:
    with ExitStack() as running:
        running.enter_context(worker().turn(Company.ANY))
        alone, alone_came = in_thread(worker(), company)
        assert not alone_came.wait(0.05)
        late, late_came = in_thread(worker(), Company.ANY)
        assert not late_came.wait(0.05)
    for thread in (alone, late):
        thread.join(LONG_S)
    assert alone_came.is_set()
    assert late_came.is_set()
