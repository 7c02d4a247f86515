"""A thread is kept on one core for a while, and is free again afterwards."""

from __future__ import annotations

import os

import pytest

from memstat.sampling.cores import cores, kept_on

NO_SUCH_CORE = 1023


@pytest.mark.parametrize("core", cores())
def test_a_thread_stays_on_its_core_and_is_free_again(core: int) -> None:
    before = os.sched_getaffinity(0)
    with kept_on(core):
        assert cores() == [core]
    assert os.sched_getaffinity(0) == before


def test_an_error_in_the_block_sets_it_free_too() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(ZeroDivisionError), kept_on(min(before)):
        raise ZeroDivisionError
    assert os.sched_getaffinity(0) == before


def test_a_core_that_is_not_there_is_no_error() -> None:
    before = os.sched_getaffinity(0)
    with kept_on(NO_SUCH_CORE):
        assert os.sched_getaffinity(0) == before
    assert os.sched_getaffinity(0) == before
